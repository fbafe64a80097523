"""What ECR asks of other AWS services, through moto's backends."""
