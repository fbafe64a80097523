"""The JSON protocol of ECR, by botocore's service model."""
