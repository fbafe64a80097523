"""The resources of ECR in CloudFormation, as moto's stacks create, update, read and delete them."""
