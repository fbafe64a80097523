"""All that is stored, as one value: what a refused request must not change."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import current_store


def everything_stored() -> dict[str, Any]:
    """The rows of every table, and which bytes the blob store has.

    Both environments of the tests are in the test process, and so is their store.
    """
    store = current_store()
    store.settle()
    store.pulls.write()
    with store.database.read() as transaction:
        rows = {
            table.name: transaction.connection.execute(
                table.select().order_by(*table.primary_key)
            ).all()
            for table in tables.metadata.sorted_tables
        }
    return {
        **rows,
        "bytes of blobs": sorted(store.blobs.digests()),
        "bytes of uploads": sorted(store.blobs.upload_ids()),
    }
