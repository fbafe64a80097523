"""The backends that moto holds, found by registry."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ecr.models import ecr_backends

from moto_ecr_ext.exceptions import ServerException, StorageUnavailable
from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.store import is_failure_of_storage

if TYPE_CHECKING:
    from . import ECRBackend

log = logging.getLogger("moto_ecr_ext")


def backend_of(account_id: str, region: str) -> ECRBackend:
    """Return the backend of a registry. Raises KeyError for a region that moto does not know."""
    # To moto's types it is moto's own backend.
    found: Any = ecr_backends[account_id][region]
    backend: ECRBackend = found
    return backend


def registry_backend(account_id: str, region: str) -> ECRBackend:
    """Return the backend of a registry for a request, after what is due by now was done in all registries.

    Raises KeyError for a region that moto does not know.
    """
    backend = backend_of(account_id, region)
    backend.catch_up()
    return backend


def run_lifecycle_policies() -> None:
    """Run the lifecycle policy of every repository, in all registries, whether it is due or not.

    Raises RuntimeError if moto's own ECR answers, since the extension is not installed.
    """
    from . import ECRBackend

    # Any backend can do it.
    backend: object = ecr_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    if not isinstance(backend, ECRBackend):
        raise RuntimeError("moto_ecr_ext is not installed; call moto_ecr_ext.install() before")
    backend.run_lifecycle_policies()


@contextmanager
def reporting_failures_of_storage(request: str) -> Iterator[None]:
    """Log it when bytes or rows cannot be read or written in this block, which serves `request`.

    Raises ServerException then, and StorageUnavailable when to try again later may help.
    """
    try:
        yield
    except BlobStoreUnavailable as error:
        log.error("%s: %s", request, error)
        raise StorageUnavailable(str(error)) from error
    except Exception as error:
        if not is_failure_of_storage(error):
            raise
        log.exception("%s could not read or write what is kept", request)
        raise ServerException from error
