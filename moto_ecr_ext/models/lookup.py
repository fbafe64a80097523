"""The backends that moto holds, found by registry."""

from __future__ import annotations

from typing import cast

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecr.models import ecr_backends

from . import ECRBackend


def registry_backend(account_id: str, region: str) -> ECRBackend:
    """The backend of one registry, for a request, after what is due by now was done in all registries.

    Raises KeyError for a region that moto does not know.
    """
    backend = cast(ECRBackend, ecr_backends[account_id][region])
    backend.catch_up()
    return backend


def run_lifecycle_policies() -> None:
    """Run the lifecycle policy of every repository, in all registries, whether it is due or not.

    Raises RuntimeError if moto's own ECR answers, since the extension is not installed.
    """
    # Any backend can do it.
    backend: object = ecr_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    if not isinstance(backend, ECRBackend):
        raise RuntimeError("moto_ecr_ext is not installed; call moto_ecr_ext.install() before")
    backend.run_lifecycle_policies()
