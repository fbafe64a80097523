"""moto's Lambda: functions of images are resolved in this ECR, and run."""
