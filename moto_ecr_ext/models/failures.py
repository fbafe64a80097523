"""Failures of the storage, as both protocols report them, and the reasons of refusals that no error says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from moto_ecr_ext.exceptions import InvalidManifest, ServerException, StorageUnavailable
from moto_ecr_ext.process import ProcessUnavailable
from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.failures import is_failure_of_storage

log = logging.getLogger("moto_ecr_ext")


@contextmanager
def reporting_failures_of_storage(request: str) -> Iterator[None]:
    """Log failures to read or write blobs or rows in this block, which serves `request`.

    Raises ServerException for such a failure, or StorageUnavailable if a retry may succeed.
    """
    try:
        yield
    except (BlobStoreUnavailable, ProcessUnavailable) as error:
        log.error("%s: %s", request, error)
        raise StorageUnavailable(str(error)) from error
    except Exception as error:
        if not is_failure_of_storage(error):
            raise
        log.exception("%s could not read or write the storage", request)
        raise ServerException from error


@contextmanager
def logging_refused_manifests(repository_name: str) -> Iterator[None]:
    """Log why this block refuses a manifest: the error of ECR does not say it."""
    try:
        yield
    except InvalidManifest as error:
        log.warning(
            "Push to %s refused: the manifest%s %s",
            repository_name,
            f"'s member {error.member}" if error.member else "",
            error.reason,
        )
        raise
