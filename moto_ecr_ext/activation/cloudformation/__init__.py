"""ECR's resources in CloudFormation. moto's stacks create, update, read and delete them."""
