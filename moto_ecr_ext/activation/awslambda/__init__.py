"""moto's Lambda: functions of images find their images in this ECR, and run."""
