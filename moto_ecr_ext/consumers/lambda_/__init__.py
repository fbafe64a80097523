"""AWS Lambda functions of container images: the Runtime API, containers that are kept warm, and what Invoke answers."""
