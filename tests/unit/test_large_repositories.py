"""A repository of many images: pages of it cost the same as of any other, and other calls are served while it is
deleted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from moto import mock_aws
from sqlalchemy import func, select

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.compatibility.placeholders import warn_of_placeholders
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store
from moto_ecr_ext.storage.turns import in_turns
from support.large_repositories import REPOSITORY, counted, fill, registry_of, steps_of

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


@contextmanager
def store_of(count: int) -> Iterator[Store]:
    """A store with a repository of so many tagged active images, and then an untagged archived one."""
    with closing(Store.open(StoreLocation())) as store:
        fill(store, count)
        yield store


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
    """A page by any filter costs the same, from the beginning and from the middle."""
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


def delete_some(backend: ECRBackend) -> None:
    """Delete the next ten images."""
    listed = backend.list_images("app", max_results=10)["imageIds"]
    deleted = backend.batch_delete_image("app", listed)
    assert len(deleted["imageIds"]) == 10


def put_placeholder(backend: ECRBackend) -> None:
    """Put a text under a tag that it does not have."""
    backend.put_image("app", "a text", image_tag=str(uuid4()))


@pytest.mark.parametrize("act", [delete_some, put_placeholder])
def test_what_changes_some_images(act: Callable[[ECRBackend], object]) -> None:
    """A change of some images costs the same, whatever else the repository has."""
    few, many = steps_of(act, compatibility="moto")
    assert many <= few + 20


def test_a_start_that_warns_of_placeholders() -> None:
    """A start counts placeholders, and does not read other images."""
    few, many = steps_of(lambda registry: warn_of_placeholders(registry.store))
    assert many <= few + 20


POLICY = json.dumps(
    {
        "rules": [
            {
                "rulePriority": 1,
                "selection": {
                    "tagStatus": "any",
                    "countType": "imageCountMoreThan",
                    "countNumber": 1,
                },
                "action": {"type": "expire"},
            }
        ]
    }
)


def steps_and_statements_of_a_run(count: int) -> tuple[int, int]:
    statements: list[str] = []
    with registry_of(count) as backend:
        backend.put_lifecycle_policy("app", POLICY)
        with backend.store.database.read() as view:
            connection: Any = view.connection.connection.dbapi_connection
        connection.set_trace_callback(statements.append)
        with counted(view) as steps:
            backend.run_lifecycle_policies()
        connection.set_trace_callback(None)
        assert len(backend.list_images("app")["imageIds"]) == 1
    # What a foreign key does is traced as the statement once more.
    return steps.count, len(list(groupby(statements)))


def test_a_lifecycle_policy_costs_the_same_for_each_image() -> None:
    """Ten times the images take ten times the steps, and statements for each hundred of them."""
    few_steps, few_statements = steps_and_statements_of_a_run(200)
    many_steps, many_statements = steps_and_statements_of_a_run(2000)
    assert many_steps <= 11 * few_steps
    # Looking at a hundred, removing them and releasing their blobs.
    assert many_statements <= few_statements + 18 * 20


def test_an_image_knows_whether_it_is_tagged() -> None:
    """Images are noted as tagged while tags are added, moved and removed."""
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


MANY = 250


@pytest.fixture(params=["memory", "directory", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> StoreLocation:
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        return StoreLocation(None, cluster.url(cluster.create_database()), str(tmp_path))
    return StoreLocation(None if request.param == "memory" else tmp_path)


def push_blob(store: Store, content: bytes) -> None:
    """Have the repository hold a blob."""
    digest = Digest.of(content)
    with store.blobs.upload(str(uuid4())) as session, store.database.write() as transaction:
        session.append(content)
        rows.blobs.insert(transaction, 1, digest, len(content))
        session.commit(digest)


def delete(store: Store) -> None:
    with store.database.write() as transaction:
        store.delete_repository(transaction, 1)


def names(store: Store) -> list[str]:
    with store.database.read() as view:
        found = rows.repositories.of_registry(view, "123456789012", "us-east-1")
    return [each.name for each in found]


def left(store: Store) -> dict[str, int]:
    """How many rows there are in the tables of repositories."""
    with store.database.read() as view:
        counts = {
            table.name: view.connection.execute(
                select(func.count()).select_from(table)
            ).scalar_one()
            for table in (tables.repositories, tables.images, tables.tags, tables.repository_blobs)
        }
    return {name: count for name, count in counts.items() if count}


@pytest.mark.parametrize("remove", [delete, Store.clear])
def test_others_have_their_turn_while_it_is_removed(
    location: StoreLocation, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Store], None]
) -> None:
    """A deleted repository is invisible at once, its name is free, and no transaction is open between its parts."""
    seen: list[list[str]] = []

    def turns(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
        for batch in in_turns(values, size):
            yield batch
            seen.append(names(store))
            if len(seen) == 1:
                with store.database.write() as transaction:
                    rows.repositories.insert(transaction, REPOSITORY)

    with closing(Store.open(location)) as store:
        fill(store, MANY)
        for number in range(MANY):
            push_blob(store, b"%d" % number)
        monkeypatch.setattr("moto_ecr_ext.storage.store.in_turns", turns)
        remove(store)
        store.settle()
        assert len(seen) > 2
        assert seen[:2] == [[], ["app"]]
        assert left(store) == {"repositories": 1}
        assert list(store.blobs.digests()) == []


@pytest.mark.parametrize("remove", [delete, Store.clear])
def test_a_start_ends_a_removal_that_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remove: Callable[[Store], None]
) -> None:
    """A repository whose removal was killed is invisible, and the start does not wait for it."""
    with closing(Store.open(StoreLocation(tmp_path))) as store:
        fill(store, MANY)
        push_blob(store, b"some")
        with monkeypatch.context() as patch:
            # Private: a killed process does not get to these steps.
            patch.setattr(Store, "_sweep", lambda store: None)
            patch.setattr(Store, "_remove_orphans", lambda store: None)
            remove(store)
            store.settle()
        assert names(store) == []
        assert left(store)["images"] > 0
    with closing(Store.open(StoreLocation(tmp_path))) as store:
        assert names(store) == []
        store.settle()
        assert left(store) == {}
        assert list(store.blobs.digests()) == []


def test_a_lifecycle_policy_leaves_what_changes_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lifecycle policy keeps an image that gets a tag while it acts on others, and its referrers."""
    manifests = [testing.build_image(seed=seed, layers=1) for seed in range(4)]
    referrer = testing.build_artifact(
        artifact_type="application/signature", subject=manifests[2], content=b"signed"
    )

    def turns(values: Iterable[Any], size: int) -> Iterator[Iterator[list[Any]]]:
        batches = in_turns(values, 1)
        yield iter([next(batches)])
        backend.put_image("app", manifests[2].manifest.decode(), image_tag="changed")
        yield batches

    with moto_ecr_ext.install(), mock_aws():
        backend = registry_backend("123456789012", "us-east-1")
        backend.create_repository("app")
        for number, each in enumerate([*manifests[:3], referrer, manifests[3]]):
            tag = None if each is referrer else f"v{number}"
            backend.put_image("app", each.manifest.decode(), image_tag=tag)
        backend.put_lifecycle_policy("app", POLICY)
        monkeypatch.setattr("moto_ecr_ext.models.lifecycle.runs.timed_turns", turns)
        backend.run_lifecycle_policies()
        listed = {each["imageDigest"] for each in backend.list_images("app")["imageIds"]}
    assert listed == {manifests[2].digest, referrer.digest, manifests[3].digest}


def test_lifecycle_policies_that_go_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    """Policies that are deleted while the first of them acts are not run."""

    def turns(values: Iterable[Any], size: int) -> Iterator[Iterator[list[Any]]]:
        for name in ("app", "other"):
            backend.delete_lifecycle_policy(name)
        yield in_turns(values, size)

    with moto_ecr_ext.install(), mock_aws():
        backend = registry_backend("123456789012", "us-east-1")
        for name in ("app", "other"):
            backend.create_repository(name)
            for seed in range(3):
                manifest = testing.build_image(seed=seed, layers=1).manifest.decode()
                backend.put_image(name, manifest, image_tag=f"v{seed}")
            backend.put_lifecycle_policy(name, POLICY)
        monkeypatch.setattr("moto_ecr_ext.models.lifecycle.runs.timed_turns", turns)
        backend.run_lifecycle_policies()
        assert [len(backend.list_images(name)["imageIds"]) for name in ("app", "other")] == [3, 3]
