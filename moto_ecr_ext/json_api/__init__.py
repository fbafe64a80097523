"""The JSON protocol of ECR, as botocore's service model describes it."""
