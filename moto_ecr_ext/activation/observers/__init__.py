"""Services of moto that show the state of ECR: as tagged resources, metrics, findings, configuration, and on the
dashboard.
"""
