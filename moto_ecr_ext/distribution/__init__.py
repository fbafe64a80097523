"""The registry at `/v2/`: OCI Distribution Specification 1.1, as Amazon ECR speaks it."""
