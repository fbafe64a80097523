"""ECR's use of other AWS services, through moto's backends."""
