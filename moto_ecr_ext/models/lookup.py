"""moto's ECR backends, found by registry."""

from __future__ import annotations

import os
from typing import Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecr.models import ecr_backends

from moto_ecr_ext.arns import Registry, is_account_id

from . import ECRBackend


def backend_of(account_id: str, region: str) -> ECRBackend:
    """Return the backend of a registry. Raises KeyError for a Region that moto does not know."""
    # In moto's types, it is moto's own backend.
    found: Any = ecr_backends[account_id][region]
    backend: ECRBackend = found
    return backend


def default_registry() -> Registry:
    """Return the registry of clients that name no account and no Region. moto reads MOTO_ACCOUNT_ID too."""
    return Registry(
        os.environ.get("MOTO_ACCOUNT_ID") or DEFAULT_ACCOUNT_ID,
        os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    )


def existing_default_registry() -> Registry:
    """Return the default registry, or moto's if the environment names one that cannot exist."""
    found = default_registry()
    is_there = is_account_id(found.account_id) and found.region in ecr_backends[found.account_id]
    return found if is_there else Registry(DEFAULT_ACCOUNT_ID, "us-east-1")


def any_backend() -> ECRBackend:
    """Return any backend, for tasks that need no particular one. Raises RuntimeError without the extension."""
    found: object = ecr_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    if not isinstance(found, ECRBackend):
        raise RuntimeError("moto_ecr_ext is not installed; call moto_ecr_ext.install() before")
    return found


def registry_backend(account_id: str, region: str) -> ECRBackend:
    """Return the backend of a registry for a request, after doing the work that is due in all registries.

    Raises KeyError for a Region that moto does not know.
    """
    backend = backend_of(account_id, region)
    backend.catch_up()
    return backend
