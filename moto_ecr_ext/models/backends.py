"""The backends that moto holds, found by registry."""

from __future__ import annotations

from typing import cast

from moto.ecr.models import ecr_backends

from . import ECRBackend


def registry_backend(account_id: str, region: str) -> ECRBackend:
    """The backend of one registry. Raises KeyError for a region that moto does not know."""
    return cast(ECRBackend, ecr_backends[account_id][region])
