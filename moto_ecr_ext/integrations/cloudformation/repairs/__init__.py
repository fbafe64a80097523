"""Repairs of moto's CloudFormation that stacks with ECR's resources need."""
