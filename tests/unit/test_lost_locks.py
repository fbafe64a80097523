"""Two servers of one PostgreSQL database, of which one loses its connection while it removes bytes.

The lock that keeps others from pushing them ends with the connection
(https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS): "session-level" or not, it is the
server's, and the process that had it notices at its next query.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy.exc import DBAPIError

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.directory import files, tree
from moto_ecr_ext.storage.blobs.removal import Removal
from moto_ecr_ext.storage.blobs.s3.store import S3BlobStore
from moto_ecr_ext.storage.integrity import find_damage
from moto_ecr_ext.storage.store import Store
from support.postgresql import Cluster
from support.s3_servers import client_of

pytestmark = pytest.mark.once

LAYERS = [random.Random(number).randbytes(2000) for number in range(40)]
DIGESTS = [Digest.of(content) for content in LAYERS]
REPOSITORY = {
    "account_id": "123456789012",
    "region": "us-east-1",
    "created_at": 0.0,
    "tag_mutability": "MUTABLE",
    "scan_on_push": False,
    "encryption": {},
    "resource_tags": {},
}


@pytest.fixture(params=["directory", "moto_s3", "rclone_s3"])
def location(
    request: pytest.FixtureRequest,
    postgresql: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> StoreLocation:
    """A database in PostgreSQL, and a place for bytes."""
    blobs = str(tmp_path / "blobs")
    if request.param != "directory":
        server = request.getfixturevalue(request.param)
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        blobs = server.new_bucket().url
    return StoreLocation(None, postgresql.url(postgresql.create_database()), blobs)


@pytest.fixture
def start(location: StoreLocation) -> Iterator[Callable[[], Store]]:
    """Open the store of one more server."""
    opened: list[Store] = []

    def start() -> Store:
        opened.append(Store.open(location))
        return opened[-1]

    yield start
    for store in opened:
        store.close()


@pytest.fixture
def removing(start: Callable[[], Store]) -> Store:
    """The server that removes bytes. All layers are in its only repository."""
    store = start()
    push(store, add_repository(store, "deleted"))
    return store


@pytest.fixture
def pushing(start: Callable[[], Store], removing: Store) -> Store:
    """The other server."""
    return start()


def add_repository(store: Store, name: str) -> int:
    with store.database.write() as transaction:
        return rows.repositories.insert(transaction, {**REPOSITORY, "name": name})


def push(store: Store, repository_id: int) -> None:
    """Acknowledge all layers."""
    for content, digest in zip(LAYERS, DIGESTS, strict=True):
        with store.blobs.upload(str(uuid4())) as session:
            session.append(content)
            session.prepare_commit(digest)
            with store.database.write() as transaction:
                rows.blobs.insert(transaction, repository_id, digest, len(content))
                session.commit(digest)


def delete_repository(store: Store) -> None:
    """Delete the repository, and free the bytes of its layers, all at once."""
    with store.database.write() as transaction:
        [row] = rows.repositories.of_registry(transaction, "123456789012", "us-east-1")
        store.delete_repository(transaction, row.id)


def assert_all_there(store: Store) -> None:
    for content, digest in zip(LAYERS, DIGESTS, strict=True):
        assert store.size_of_blob(digest, len(content)) == len(content)
        with store.open_blob(digest, len(content)) as blob:
            assert b"".join(blob.chunks()) == content


def at_the_first_removal(
    store: Store, monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]
) -> None:
    """Call `act` before a file or an object of a blob is first touched, by whatever means."""
    pending = [act]

    def touch() -> None:
        while pending:
            pending.pop()()

    def touching(call: Callable[..., Any]) -> Callable[..., Any]:
        def touch_and_call(path: str, *arguments: Any) -> Any:
            if "/sha256/" in path:
                touch()
            return call(path, *arguments)

        return touch_and_call

    if isinstance(store.blobs, S3BlobStore):
        events = client_of(store.blobs).meta.events
        events.register("before-call.s3.DeleteObjects", lambda **_: touch())
        return
    for module in (files, tree):
        monkeypatch.setattr(module, "os", _Calls(touching))


class _Calls:
    """The module `os`, with calls that remove the name of a file."""

    def __init__(self, touching: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self.unlink = touching(os.unlink)
        self.rename = touching(os.rename)

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def cut_off(cluster: Cluster, store: Store) -> None:
    """End the connection that has the lock, as a restart or `idle_in_transaction_session_timeout` does."""
    with cluster.connect() as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_locks "
            "WHERE locktype = 'advisory' AND granted"
        )


def test_layers_that_another_server_acknowledges_meanwhile_are_there(
    postgresql: Cluster,
    removing: Store,
    pushing: Store,
    start: Callable[[], Store],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The removal fails, and the bytes that it removed after it lost the lock are restored."""

    def others_push() -> None:
        cut_off(postgresql, removing)
        push(pushing, add_repository(pushing, "kept"))

    at_the_first_removal(removing, monkeypatch, others_push)
    delete_repository(removing)

    assert_all_there(pushing)
    assert_all_there(removing)
    assert list(find_damage(pushing)) == []
    assert sorted(start().blobs.digests()) == sorted(DIGESTS)
    assert list(pushing.blobs.set_aside()) == []


@pytest.mark.parametrize("then", ["read", "check", "restart"])
def test_a_server_that_hangs_in_the_middle(
    postgresql: Cluster,
    removing: Store,
    pushing: Store,
    start: Callable[[], Store],
    monkeypatch: pytest.MonkeyPatch,
    then: str,
) -> None:
    """A blob that was moved aside wrongly can be read at once, is not reported missing, and is restored at start."""

    def others_push() -> None:
        cut_off(postgresql, removing)
        push(pushing, add_repository(pushing, "kept"))

    at_the_first_removal(removing, monkeypatch, others_push)
    with monkeypatch.context() as patch:
        for each in {Removal, type(removing.blobs.removal([]))}:
            patch.setattr(each, "__exit__", lambda *_: None)
        delete_repository(removing)
    assert sorted(set(pushing.blobs.set_aside())) == sorted(DIGESTS)

    if then == "check":
        found = list(find_damage(pushing))
        assert {(each.kind, each.name) for each in found} == {
            ("misplaced blob", digest) for digest in DIGESTS
        }
        for each in found:
            assert each.repair is not None
            each.repair()
        assert list(find_damage(pushing)) == []
    elif then == "restart":
        start()
    assert_all_there(pushing)
    assert list(pushing.blobs.set_aside()) == []


def test_a_server_that_hangs_and_goes_on_removes_only_what_stepped_aside(
    removing: Store,
    pushing: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A late removal deletes only the old files, though others have pushed the same bytes after the answer of the
    database.
    """
    leave = type(removing.blobs.removal([])).__exit__

    def push_and_leave(removal: Removal, *error: Any) -> None:
        push(pushing, add_repository(pushing, "kept"))
        leave(removal, *error)

    with monkeypatch.context() as patch:
        patch.setattr(type(removing.blobs.removal([])), "__exit__", push_and_leave)
        delete_repository(removing)
    assert_all_there(pushing)
    assert list(pushing.blobs.set_aside()) == []


def test_a_start_that_loses_its_connection(
    postgresql: Cluster,
    removing: Store,
    pushing: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A start that loses its connection while it removes orphans does not remove acknowledged bytes."""
    with monkeypatch.context() as patch:
        # Private, since a killed server does what no public method does: it deletes rows, and no bytes.
        patch.setattr(Store, "_release", lambda *_: None)
        delete_repository(removing)
    assert sorted(removing.blobs.digests()) == sorted(DIGESTS)

    def others_push() -> None:
        cut_off(postgresql, removing)
        push(pushing, add_repository(pushing, "kept"))

    at_the_first_removal(removing, monkeypatch, others_push)
    with pytest.raises(DBAPIError):
        # Private: the step of a start, with a connection that the test can cut off.
        removing._remove_orphans()
    assert_all_there(pushing)
    assert list(pushing.blobs.set_aside()) == []


def test_bytes_without_a_holder_are_freed(removing: Store, pushing: Store) -> None:
    """A server with its connection frees the bytes that it deletes."""
    delete_repository(removing)
    assert list(pushing.blobs.digests()) == []
    assert list(pushing.blobs.set_aside()) == []
