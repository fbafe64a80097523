"""Figures of all registries, and the state of their store, for operators of a server."""

from __future__ import annotations

from dataclasses import dataclass

from moto_ecr_ext.clock import now
from moto_ecr_ext.models.images.storage_class import ACTIVATIONS
from moto_ecr_ext.models.lifecycle.previews import PREVIEWS
from moto_ecr_ext.models.replication.replication import REPLICATIONS
from moto_ecr_ext.models.scanning.scan import SCANS
from moto_ecr_ext.models.signing import SIGNINGS
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.versions import StoreError
from moto_ecr_ext.storage.failures import is_failure_of_storage
from moto_ecr_ext.storage.store import current_store

_WORK = (ACTIVATIONS, PREVIEWS, REPLICATIONS, SCANS, SIGNINGS)


@dataclass(frozen=True)
class Statistics:
    """Numbers by name, the bytes of blobs, and background work that is due or under way, by kind."""

    numbers: dict[str, int]
    bytes_stored: int
    work: dict[str, int]


def statistics() -> Statistics:
    """Return the statistics of all registries of the store. Due work is left to the next request."""
    with current_store().database.read() as view:
        stored = rows.totals.stored_blobs(view)
        return Statistics(
            numbers={
                **rows.totals.counts(view),
                "uploads": rows.totals.open_uploads(view).number,
                "blobs": stored.number,
            },
            bytes_stored=stored.size,
            work={
                "lifecycle_policy": len(rows.repositories.with_lifecycle_policy_due(view, now())),
                **{each.name.removeprefix("ecr::"): len(each.under_way(view)) for each in _WORK},
            },
        )


def failure_of_store() -> str | None:
    """Return why the store fails, in one line; None if its database and its blob store respond."""
    try:
        store = current_store()
        with store.database.read() as view:
            rows.store.signing_key(view)
        return store.database.problem() or store.blobs.problem()
    except Exception as error:
        if not isinstance(error, StoreError) and not is_failure_of_storage(error):
            raise
        return " ".join(str(getattr(error, "orig", None) or error).split())
