"""Amazon CloudWatch: ECR's metrics."""

SEAMS = (("moto.cloudwatch.models", "seam.plug"),)
