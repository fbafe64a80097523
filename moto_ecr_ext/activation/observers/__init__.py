"""Services of moto that show what ECR has: by tags, as metrics, as findings, as configuration, on the dashboard."""
