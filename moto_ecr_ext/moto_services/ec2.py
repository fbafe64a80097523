"""VPC endpoints of moto's EC2."""

from __future__ import annotations

from .backends import backend_in_use


def vpc_of_endpoint(endpoint_id: str, account_id: str, region: str) -> str | None:
    """Return the id of the VPC of an account's endpoint; None if EC2 has no such endpoint."""
    backend = backend_in_use("ec2", account_id, region)
    endpoint = backend.vpc_end_points.get(endpoint_id) if backend is not None else None
    return str(endpoint.vpc_id) if endpoint is not None else None
