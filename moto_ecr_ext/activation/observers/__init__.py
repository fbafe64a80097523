"""Services of moto that show the state of ECR: tags, metrics, findings, configuration, and the dashboard."""
