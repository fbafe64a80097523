"""Repairs of moto's EventBridge that receivers of ECR's events need."""
