"""AWS Lambda functions of container images: the Runtime API, warm containers, and the results of Invoke."""
