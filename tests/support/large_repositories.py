"""Repositories of many images, and the cost of an act in them.

SQLite counts that itself: https://www.sqlite.org/c3ref/progress_handler.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store

if TYPE_CHECKING:
    from typing_extensions import Unpack

REPOSITORY = {
    "account_id": "123456789012",
    "region": "us-east-1",
    "name": "app",
    "created_at": 0.0,
    "tag_mutability": "MUTABLE",
    "scan_on_push": False,
    "encryption": {},
    "resource_tags": {},
}


class Steps:
    """How many steps SQLite has taken."""

    def __init__(self) -> None:
        self.count = 0

    def take(self) -> int:
        self.count += 1
        return 0


@contextmanager
def counted(view: View) -> Iterator[Steps]:
    steps = Steps()
    connection: Any = view.connection.connection.dbapi_connection
    connection.set_progress_handler(steps.take, 1)
    try:
        yield steps
    finally:
        connection.set_progress_handler(None, 1)


def fill(store: Store, count: int) -> None:
    """Each image has a config and a layer that all have, held by the repository. It has no other bytes."""
    layer = f"sha256:{'f' * 64}"
    with store.database.write() as transaction:
        repository_id = transaction.insert(tables.repositories, REPOSITORY)
        rows.blobs.insert(transaction, repository_id, layer, 1)
        for number in range(count + 1):
            config = f"sha256:{number:064x}"
            rows.blobs.insert(transaction, repository_id, config, 1)
            image_id = rows.images.insert(
                transaction,
                {
                    "repository_id": repository_id,
                    "digest": f"sha256:{number:064x}",
                    "media_type": "application/json",
                    "pushed_at": 0.0,
                    "status": "ACTIVE" if number < count else "ARCHIVED",
                    "manifest": b"",
                },
            )
            about = {"image_id": image_id, "repository_id": repository_id, "kind": "blob"}
            rows.references.insert_all(
                transaction, [{**about, "digest": digest} for digest in (config, layer)]
            )
            if number < count:
                rows.tags.insert(transaction, repository_id, f"v{number}", image_id)


@contextmanager
def registry_of(count: int, **settings: Unpack[moto_ecr_ext.Settings]) -> Iterator[ECRBackend]:
    """A registry with a repository as `fill` makes it."""
    with moto_ecr_ext.install(**settings), mock_aws():
        backend = registry_backend("123456789012", "us-east-1")
        # What is left of a registry before.
        backend.store.settle()
        fill(backend.store, count)
        yield backend


def steps_of(
    act: Callable[[ECRBackend], object],
    counts: tuple[int, int] = (40, 1200),
    **settings: Unpack[moto_ecr_ext.Settings],
) -> list[int]:
    """How many steps SQLite takes for an act in a small registry and in a larger one, at its second time."""
    found = []
    for count in counts:
        with registry_of(count, **settings) as backend:
            act(backend)
            with backend.store.database.read() as view:
                pass
            with counted(view) as steps:
                act(backend)
            found.append(steps.count)
    return found
