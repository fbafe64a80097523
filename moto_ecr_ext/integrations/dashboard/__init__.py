"""moto's dashboard: ECR's resources among those of other services."""

SEAMS = (("moto.ecr.models", "seam.plug"),)
