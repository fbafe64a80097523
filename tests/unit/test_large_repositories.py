"""Pages of images cost the same however many images a repository has: SQLite counts the steps of its program.

https://www.sqlite.org/c3ref/progress_handler.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store

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
FILTERS = [
    (tag_status, image_status)
    for tag_status in ("ANY", "TAGGED", "UNTAGGED")
    for image_status in ("ANY", "ACTIVE", "ARCHIVED")
]
Ask = Callable[[View, int, str, str, int], Any]


def page(view: View, repository_id: int, tag_status: str, image_status: str, after: int) -> Any:
    return rows.images.page(view, repository_id, tag_status, image_status, after, 10)


def page_by_tag(
    view: View, repository_id: int, tag_status: str, image_status: str, after: int
) -> Any:
    return rows.images.page_by_tag(view, repository_id, tag_status, image_status, (after, 0), 10)


def tags_of_page(
    view: View, repository_id: int, tag_status: str, image_status: str, after: int
) -> Any:
    return rows.tags.of_page(view, repository_id, tag_status, image_status, after, 10)


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


@contextmanager
def store_of(count: int) -> Iterator[Store]:
    """A store with a repository of so many tagged active images, and then an untagged archived one."""
    with closing(Store.open(StoreLocation())) as store:
        fill(store, count)
        yield store


def fill(store: Store, count: int) -> None:
    with store.database.write() as transaction:
        repository_id = transaction.insert(tables.repositories, REPOSITORY)
        for number in range(count + 1):
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
            if number < count:
                rows.tags.insert(transaction, repository_id, f"v{number}", image_id)


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[int, Store]]:
    """A small one and a larger one, by how many tagged images they have."""
    with store_of(40) as small, store_of(1200) as large:
        yield {40: small, 1200: large}


@pytest.mark.parametrize(("tag_status", "image_status"), FILTERS)
@pytest.mark.parametrize("ask", [page, page_by_tag, tags_of_page])
def test_a_page_by_any_filter(
    stores: dict[int, Store], ask: Ask, tag_status: str, image_status: str
) -> None:
    """From the beginning and from the middle."""
    steps: dict[int, list[int]] = {}
    for count, store in stores.items():
        with store.database.read() as view:
            for after in (0, count // 2):
                with counted(view) as counting:
                    found = ask(view, 1, tag_status, image_status, after)
                steps.setdefault(count, []).append(counting.count)
                assert len(found) == expected(ask, tag_status, image_status)
    # A sort of ten tags takes a few steps more or fewer.
    for few, many in zip(steps[40], steps[1200], strict=True):
        assert many <= few + 20, steps


def expected(ask: Ask, tag_status: str, image_status: str) -> int:
    if (tag_status, image_status) in (("TAGGED", "ARCHIVED"), ("UNTAGGED", "ACTIVE")):
        return 0
    if tag_status == "UNTAGGED" or image_status == "ARCHIVED":
        return 0 if ask is tags_of_page else 1
    return 10


def test_an_image_knows_whether_it_is_tagged() -> None:
    """Whatever becomes of its tags: they are added, move and are removed."""
    with store_of(3) as store:
        assert_tagging_is_noted(store)


def assert_tagging_is_noted(store: Store) -> None:
    def tagged() -> list[int]:
        with store.database.read() as view:
            noted = [each.id for each in rows.images.page(view, 1, "TAGGED", "ANY", 0, 10)]
            in_tags = view.connection.exec_driver_sql("SELECT image_id FROM tags").scalars()
            assert noted == sorted(set(in_tags))
        return noted

    assert tagged() == [1, 2, 3]
    with store.database.write() as transaction:
        rows.tags.move(transaction, 1, "v0", 4)
    assert tagged() == [2, 3, 4]
    with store.database.write() as transaction:
        rows.tags.move(transaction, 1, "v1", 4)
        rows.tags.insert(transaction, 1, "again", 1)
        rows.tags.delete(transaction, 1, "v0")
    assert tagged() == [1, 3, 4]
    with store.database.write() as transaction:
        rows.tags.delete(transaction, 1, "v1")
        rows.tags.delete(transaction, 1, "missing")
    assert tagged() == [1, 3]
