"""Errors of replication and its backfills."""

from __future__ import annotations

from .base import ECRError


class ReplicationBackfillInProgressException(ECRError):
    def __init__(self, region: str):
        super().__init__(
            f"A replication backfill to the Region '{region}' is in progress. Wait until it has ended, or stop it."
        )


class ReplicationBackfillNotFoundException(ECRError):
    def __init__(self, backfill_id: str, registry_id: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class ReplicationBackfillInvalidStatusException(ECRError):
    def __init__(self, backfill_id: str, status: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' cannot be stopped, since its status is {status}"
        )
