"""The store: transactions, the effect of a start and a reset, and its places."""

from __future__ import annotations

import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from threading import Event, Thread
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.ecr.models import ecr_backends
from sqlalchemy import Engine, Select, event, select

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage.database.base import Database
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.database.versions import SchemaVersionError, StoreError
from moto_ecr_ext.storage.rows import integrity, tables
from moto_ecr_ext.storage.store import Store, close_current_store, current_store

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

# The transactions that a database has.
WAYS: dict[str, Callable[[Database], AbstractContextManager[View]]] = {
    "read": lambda database: database.read(),
    "write": lambda database: database.write(),
    "write what may vanish": lambda database: database.write(durable=False),
}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "registry"


@pytest.fixture(params=["memory", "directory", "postgresql"])
def location(request: pytest.FixtureRequest, data_dir: Path) -> StoreLocation:
    if request.param == "postgresql":
        cluster = request.getfixturevalue("postgresql")
        return StoreLocation(None, cluster.url(cluster.create_database()), str(data_dir))
    return StoreLocation(None if request.param == "memory" else data_dir)


@pytest.fixture
def store(location: StoreLocation) -> Iterator[Store]:
    store = Store.open(location)
    yield store
    store.close()


@pytest.fixture
def reopened(data_dir: Path) -> Iterator[Callable[[], Store]]:
    """Opens the data directory, and closes it when the test is over."""
    opened = []

    def reopen() -> Store:
        opened.append(Store.open(StoreLocation(data_dir)))
        return opened[-1]

    yield reopen
    for store in opened:
        store.close()


def rows(store: Store, query: Select[Any]) -> list[Any]:
    with store.database.read() as view:
        return list(view.connection.execute(query))


def all_rows(store: Store) -> dict[str, list[Any]]:
    """Everything that the database holds."""
    return {
        table.name: rows(store, select(table).order_by(*table.primary_key))
        for table in tables.metadata.sorted_tables
    }


def repository_names(store: Store) -> list[str]:
    return [row.name for row in rows(store, select(tables.repositories))]


def add_repository(store: Store, name: str = "app") -> int:
    with store.database.write() as transaction:
        return transaction.connection.execute(
            tables.repositories.insert(), {**REPOSITORY, "name": name}
        ).inserted_primary_key[0]


def add_blob(store: Store, content: bytes) -> str:
    """Make bytes a blob, which no repository holds yet."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    with store.blobs.upload(str(uuid4())) as session:
        session.append(content)
        session.commit(digest)
    return digest


def hold(store: Store, repository_id: int, digest: str) -> None:
    """Make a blob a member of a repository."""
    with store.database.write() as transaction:
        transaction.connection.execute(
            tables.repository_blobs.insert(),
            {"repository_id": repository_id, "digest": digest, "size": 1},
        )


def write_part(store: Store, upload_id: str) -> None:
    with store.blobs.upload(upload_id) as session:
        session.append(b"some")
        session.acknowledge()


# Transactions.


@pytest.mark.parametrize("way", ["read", "write", "write what may vanish"])
def test_an_interrupted_statement_ends_alone(store: Store, way: str) -> None:
    """Ctrl-C raises, and later statements find the rows unchanged."""
    add_repository(store, "first")

    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    event.listen(Engine, "do_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt), WAYS[way](store.database) as transaction:
            transaction.connection.execute(select(tables.repositories))
    finally:
        event.remove(Engine, "do_execute", interrupt)

    with WAYS[way](store.database) as transaction:
        assert [
            row.name for row in transaction.connection.execute(select(tables.repositories))
        ] == ["first"]
    add_repository(store, "second")
    assert repository_names(store) == ["first", "second"]


@pytest.mark.parametrize("way", ["write", "write what may vanish"])
def test_a_write_happens_whole(store: Store, way: str) -> None:
    """The changes of a block are stored when it has ended."""
    with WAYS[way](store.database) as transaction:
        for name in ("a", "b"):
            transaction.connection.execute(
                tables.repositories.insert(), {**REPOSITORY, "name": name}
            )

    assert repository_names(store) == ["a", "b"]


@pytest.mark.parametrize("way", ["write", "write what may vanish"])
def test_a_write_that_fails_does_not_happen(store: Store, way: str) -> None:
    """An error within a block undoes its changes, and the next write succeeds."""

    def write() -> None:
        with WAYS[way](store.database) as transaction:
            transaction.connection.execute(tables.repositories.insert(), REPOSITORY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write()

    assert repository_names(store) == []
    add_repository(store, "next")
    assert repository_names(store) == ["next"]


def test_a_killed_process_leaves_nothing_half_done(
    data_dir: Path, reopened: Callable[[], Store]
) -> None:
    """A write of a killed process has not happened."""
    text = """
        import os, sys
        from pathlib import Path
        from moto_ecr_ext.settings import StoreLocation
        from moto_ecr_ext.storage.rows import tables
        from moto_ecr_ext.storage.store import Store

        row = {
            "account_id": "123456789012", "region": "us-east-1", "created_at": 0.0,
            "tag_mutability": "MUTABLE", "scan_on_push": False, "encryption": {},
            "resource_tags": {},
        }
        store = Store.open(StoreLocation(Path(sys.argv[1])))
        with store.database.write() as transaction:
            transaction.connection.execute(tables.repositories.insert(), {**row, "name": "done"})
        with store.database.write() as transaction:
            transaction.connection.execute(tables.repositories.insert(), {**row, "name": "half done"})
            os._exit(9)
        """
    ran = subprocess.run([sys.executable, "-c", dedent(text), str(data_dir)], check=False)
    assert ran.returncode == 9

    assert repository_names(reopened()) == ["done"]


def test_a_read_does_not_wait_for_a_write(data_dir: Path, reopened: Callable[[], Store]) -> None:
    """A read sees the earlier state while another thread is in the middle of a write."""
    store = reopened()
    has_written, has_read = Event(), Event()

    def write() -> None:
        with store.database.write() as transaction:
            transaction.connection.execute(tables.repositories.insert(), REPOSITORY)
            has_written.set()
            assert has_read.wait(timeout=30)

    writer = Thread(target=write)
    writer.start()
    assert has_written.wait(timeout=30)
    during = repository_names(store)
    has_read.set()
    writer.join()

    assert during == []
    assert repository_names(store) == ["app"]


class FailingWrite:
    """Lets a number of statements that change rows through, then fails one."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            if self.left == 0:
                self.left -= 1
                raise RuntimeError("the disk is full")
            self.left -= 1


CONTENT = b"the bytes of a layer"


@dataclass
class Registry:
    """A registry with one tagged image in a repository, and one upload that is to be completed."""

    backend: Any
    image: testing.Image
    upload_id: str


def create_repository(registry: Registry) -> None:
    registry.backend.create_repository("other", tags=[{"Key": "a", "Value": "b"}])


def put_image_that_moves_a_tag(registry: Registry) -> None:
    other = testing.build_image(layers=registry.image.layers, annotations={"is": "other"})
    registry.backend.put_image("app", other.manifest.decode(), image_tag="1.0")


def complete_layer_upload(registry: Registry) -> None:
    digest = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    registry.backend.complete_layer_upload("app", registry.upload_id, [digest])


def batch_delete_image(registry: Registry) -> None:
    registry.backend.batch_delete_image("app", [{"imageDigest": registry.image.digest}])


def delete_repository(registry: Registry) -> None:
    registry.backend.delete_repository("app", force=True)


def put_image_tag_mutability(registry: Registry) -> None:
    registry.backend.put_image_tag_mutability("app", "IMMUTABLE")


def put_lifecycle_policy(registry: Registry) -> None:
    registry.backend.put_lifecycle_policy(
        "app",
        """{"rules": [{"rulePriority": 1, "action": {"type": "expire"}, "selection": {
            "tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1
        }}]}""",
    )


def set_repository_policy(registry: Registry) -> None:
    registry.backend.set_repository_policy(
        "app",
        """{"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"
        }]}""",
    )


def tag_resource(registry: Registry) -> None:
    (repository,) = registry.backend.describe_repositories()["repositories"]
    registry.backend.tag_resource(repository.repository_arn, [{"Key": "a", "Value": "b"}])


@pytest.fixture
def backend(location: StoreLocation) -> Iterator[Any]:
    """A registry of the store at each location."""
    moto_ecr_ext.uninstall()
    with moto_ecr_ext.install(
        data_dir=location.data_dir, database=location.database, blobs=location.blobs
    ):
        yield ecr_backends["123456789012"]["us-east-1"]


@pytest.fixture
def registry(backend: Any) -> Registry:
    image = testing.build_image(seed=1)
    backend.create_repository("app")
    backend.put_image("app", image.manifest.decode(), image_tag="1.0")
    upload_id = backend.start_upload("app").id
    with backend.open_upload("app", upload_id) as upload:
        upload.append(CONTENT)
        upload.acknowledge()
    return Registry(backend, image, upload_id)


@pytest.mark.parametrize(
    "call",
    [
        create_repository,
        put_image_that_moves_a_tag,
        complete_layer_upload,
        batch_delete_image,
        delete_repository,
        put_image_tag_mutability,
        put_lifecycle_policy,
        set_repository_policy,
        tag_resource,
    ],
)
def test_a_call_that_fails_leaves_nothing_half_done(
    registry: Registry, call: Callable[[Registry], None]
) -> None:
    """Whichever of its writes fails, an operation has not happened, and can be tried again."""
    store = current_store()
    before = all_rows(store)
    failures = 0

    for number in range(100):
        fail = FailingWrite(number)
        event.listen(Engine, "before_cursor_execute", fail)
        try:
            call(registry)
        except RuntimeError:
            failures += 1
            assert all_rows(store) == before
        else:
            break
        finally:
            event.remove(Engine, "before_cursor_execute", fail)

    assert failures, "the call has written nothing"
    assert all_rows(store) != before


# What a start removes.


def test_a_start_removes_bytes_that_no_repository_holds(
    data_dir: Path, reopened: Callable[[], Store]
) -> None:
    """A start removes a blob whose process was killed before its row was written; one that is held remains."""
    store = Store.open(StoreLocation(data_dir))
    orphan, held = add_blob(store, b"an orphan"), add_blob(store, b"held")
    hold(store, add_repository(store), held)
    store.close()

    assert list(reopened().blobs.digests()) == [held]
    assert orphan not in {f"sha256:{path.name}" for path in data_dir.rglob("*")}


def test_a_start_removes_parts_of_no_upload(data_dir: Path, reopened: Callable[[], Store]) -> None:
    """A start removes bytes of an upload without a row; those of an unfinished upload remain."""
    store = Store.open(StoreLocation(data_dir))
    orphan, unfinished = str(uuid4()), str(uuid4())
    repository_id = add_repository(store)
    with store.database.write() as transaction:
        transaction.connection.execute(
            tables.uploads.insert(),
            {
                "id": unfinished,
                "repository_id": repository_id,
                "started_at": 0,
                "received": 4,
                "parts": 1,
            },
        )
    for upload_id in (orphan, unfinished):
        write_part(store, upload_id)
    store.close()

    assert list(reopened().blobs.upload_ids()) == [unfinished]


def test_bytes_go_when_no_repository_holds_them(store: Store) -> None:
    """A blob of two repositories remains until both have deleted it."""
    digest = add_blob(store, b"shared")
    one, two = add_repository(store, "one"), add_repository(store, "two")
    hold(store, one, digest)
    hold(store, two, digest)

    for repository_id, left in ((one, [digest]), (two, [])):
        with store.database.write() as transaction:
            transaction.connection.execute(
                tables.repositories.delete().where(tables.repositories.c.id == repository_id)
            )
            store.release_after_commit(transaction, [digest])
        assert list(store.blobs.digests()) == left


def test_bytes_stay_when_the_write_that_lets_them_go_fails(store: Store) -> None:
    """A repository keeps the blobs that an undone write removed."""
    digest = add_blob(store, b"held")
    hold(store, add_repository(store), digest)

    def fail() -> None:
        with store.database.write() as transaction:
            transaction.connection.execute(tables.repositories.delete())
            store.release_after_commit(transaction, [digest])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    add_repository(store, "next")

    assert repository_names(store) == ["app", "next"]
    assert list(store.blobs.digests()) == [digest]


# What a reset removes.


def test_a_reset_removes_rows_and_bytes(store: Store) -> None:
    """After `clear` the store has no repository, no blob and no upload."""
    hold(store, add_repository(store), add_blob(store, b"held"))
    write_part(store, str(uuid4()))

    store.clear()

    assert {name: found for name, found in all_rows(store).items() if found}.keys() == {"store"}
    assert list(store.blobs.digests()) == []
    assert list(store.blobs.upload_ids()) == []


def test_a_reset_keeps_the_key(data_dir: Path, reopened: Callable[[], Store]) -> None:
    """A reset keeps passwords valid, as their key stays, also after a restart."""
    store = reopened()
    key = store.signing_key

    store.clear()

    assert store.signing_key == key
    store.close()
    assert reopened().signing_key == key


def test_a_reset_removes_the_key_of_principals(
    data_dir: Path, reopened: Callable[[], Store]
) -> None:
    """A reset changes the key of principals for every server of the database; otherwise it stays, also after a
    restart.
    """
    one, other = reopened(), reopened()
    assert one.find_principals_key() is None
    key = one.principals_key()
    assert other.principals_key() == key != one.signing_key
    one.close()
    one = reopened()
    assert one.find_principals_key() == key

    other.clear()

    assert one.find_principals_key() is None
    assert one.principals_key() == other.principals_key() != key


def test_a_reset_that_is_killed_loses_no_bytes_of_a_row(
    data_dir: Path, reopened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reset removes rows first, so that a failure while removing bytes leaves no row without them."""
    store = reopened()
    hold(store, add_repository(store), add_blob(store, b"held"))

    def fail(digests: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(store.blobs, "removal", fail)
    with pytest.raises(RuntimeError, match="killed"):
        store.clear()

    again = reopened()
    assert repository_names(again) == []
    assert list(again.blobs.digests()) == []


@pytest.mark.parametrize("empty", [mock_aws, BackendDict.reset])
def test_moto_resets_the_store(backend: Any, empty: Callable[[], object]) -> None:
    """The start of `mock_aws` and moto's reset empty every registry."""
    backend.create_repository("app")

    if empty is mock_aws:
        with mock_aws():
            assert repository_names(current_store()) == []
    else:
        empty()

    assert repository_names(current_store()) == []


# Where it is kept.


def test_every_store_in_memory_is_another() -> None:
    """Two stores in memory share no data and no key."""
    one, two = Store.open(StoreLocation()), Store.open(StoreLocation())
    add_repository(one)

    assert repository_names(two) == []
    assert one.signing_key != two.signing_key
    one.close()
    two.close()


def test_a_directory_has_what_was_written(data_dir: Path, reopened: Callable[[], Store]) -> None:
    """Stored rows and blobs survive until the directory is opened again."""
    store = reopened()
    digest = add_blob(store, b"held")
    hold(store, add_repository(store), digest)
    before = all_rows(store)
    store.close()

    again = reopened()

    assert all_rows(again) == before
    with again.blobs.open(digest) as blob:
        assert b"".join(blob.chunks()) == b"held"


@pytest.mark.parametrize(
    ("version", "message"),
    [
        (
            tables.SCHEMA_VERSION + 1,
            rf"written by a newer moto_ecr_ext \(schema version {tables.SCHEMA_VERSION + 1}; this "
            rf"one knows {tables.SCHEMA_VERSION}\)\. Nothing was changed\. Upgrade moto_ecr_ext, or",
        ),
        *(
            (
                version,
                rf"written by an unreleased moto_ecr_ext \(schema version {version}; the first "
                r"released one is 3\)\. Nothing was changed\. Use another directory or database\.",
            )
            for version in (1, 2)
        ),
    ],
)
def test_an_unknown_schema_is_refused_and_left_alone(
    data_dir: Path, version: int, message: str
) -> None:
    """A directory of a later version, or of one before the first, is refused in a sentence; not a byte of it
    changes.
    """
    store = Store.open(StoreLocation(data_dir))
    hold(store, add_repository(store), add_blob(store, b"held"))
    add_blob(store, b"an orphan, as far as this version knows")
    with store.database.write() as transaction:
        transaction.connection.execute(
            tables.store.update().where(tables.store.c.name == "schema_version"),
            {"value": str(version)},
        )
    store.close()
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}

    with pytest.raises(SchemaVersionError, match=message):
        Store.open(StoreLocation(data_dir))

    assert {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()} == before


def test_something_else_is_refused_and_left_alone(data_dir: Path) -> None:
    """A file of another program in the place of the database is named, and unchanged."""
    data_dir.mkdir()
    path = data_dir / "registry.sqlite"
    path.write_bytes(b"something else" * 100)

    with pytest.raises(StoreError, match=f"{path} cannot be opened: file is not a database"):
        Store.open(StoreLocation(data_dir))

    assert path.read_bytes() == b"something else" * 100


def test_a_database_that_cannot_be_opened_is_refused(data_dir: Path) -> None:
    """A directory in the place of the database is named too."""
    (data_dir / "registry.sqlite").mkdir(parents=True)

    with pytest.raises(StoreError, match=r"registry\.sqlite cannot be opened: unable to open"):
        Store.open(StoreLocation(data_dir))


def with_a_blob(location: StoreLocation) -> str:
    """Make a store that has a blob; gives the digest."""
    store = Store.open(location)
    with (
        store.database.write() as transaction,
        store.blobs.upload(str(uuid4())) as session,
    ):
        transaction.connection.execute(tables.repositories.insert(), {"id": 1, **REPOSITORY})
        session.append(b"content")
        digest = session.digest()
        transaction.connection.execute(
            tables.repository_blobs.insert(), {"repository_id": 1, "digest": digest, "size": 7}
        )
        session.commit(digest)
    store.close()
    return digest


@pytest.mark.parametrize("owner", ["noted", "of version 1"])
@pytest.mark.parametrize("open_store", [Store.open, Store.open_existing])
@pytest.mark.parametrize("is_asked_again", [False, True])
def test_blobs_of_another_database_are_left_alone(
    data_dir: Path,
    tmp_path: Path,
    owner: str,
    open_store: Callable[[StoreLocation], Store],
    is_asked_again: bool,
) -> None:
    """Blobs of another database are kept, though all of them would be orphans of a new one."""
    digest = with_a_blob(StoreLocation(data_dir))
    if owner == "of version 1":
        (data_dir / "owner").unlink()
    Store.open(StoreLocation(tmp_path / "other")).close()
    other = StoreLocation(data_dir, f"sqlite:///{tmp_path}/other/registry.sqlite")

    for _ in range(1 + is_asked_again):
        with pytest.raises(StoreError, match=f"^{data_dir} has the blobs of another database"):
            open_store(other)

    store = Store.open(StoreLocation(data_dir))
    assert store.blobs.verify(digest) == 7
    store.close()
    assert list((data_dir / "uploads").iterdir()) == []


def test_a_directory_without_its_database(data_dir: Path) -> None:
    """The refusal of a directory without its database names the file to put back."""
    with_a_blob(StoreLocation(data_dir))
    (data_dir / "registry.sqlite").unlink()
    with pytest.raises(StoreError) as refused:
        Store.open(StoreLocation(data_dir))
    assert str(refused.value) == (
        f"{data_dir} has the blobs of another database: its registry.sqlite is missing or another. "
        "Put that file back, or use an empty directory."
    )


def test_a_database_that_is_gone_does_not_take_the_blobs_with_it(data_dir: Path) -> None:
    """Blobs stay if their database was moved away, as a new one in its place does not list them."""
    with_a_blob(StoreLocation(data_dir))
    (data_dir / "registry.sqlite").rename(data_dir.with_name("elsewhere"))

    with pytest.raises(
        StoreError, match=r"registry\.sqlite is missing or another\. Put that file back"
    ):
        Store.open(StoreLocation(data_dir))

    (data_dir.with_name("elsewhere")).rename(data_dir / "registry.sqlite")
    Store.open(StoreLocation(data_dir)).close()


def test_a_database_that_is_not_there_is_not_found(data_dir: Path, tmp_path: Path) -> None:
    """A missing registry is an error, and no file is created."""
    for location in (
        StoreLocation(data_dir),
        StoreLocation(data_dir, f"sqlite:///{tmp_path}/registry.sqlite"),
    ):
        with pytest.raises(StoreError, match="There is no registry in"):
            Store.open_existing(location)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("database", "blobs", "message"),
    [
        (None, "s4://bucket/x", "s4://bucket/x is not a supported place for blobs"),
        (None, "s3:/bucket", "s3:/bucket is not a supported place for blobs"),
        (None, "file:///blobs", "file:///blobs is not a supported place for blobs"),
        ("postgresql://u@127.0.0.1:x/y", None, "The database is not a URL"),
        ("registry", None, "The database is not a URL"),
        ("mysql://u:secret@h/x", None, r"mysql://u:\*\*\*@h/x is not a supported database"),
    ],
)
def test_an_impossible_place_is_refused(
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
    database: str | None,
    blobs: str | None,
    message: str,
) -> None:
    """An impossible place is named without its password, and no directory of its name is made."""
    data_dir.mkdir()
    monkeypatch.chdir(data_dir)
    with pytest.raises(StoreError, match=f"^{message}"):
        Store.open(StoreLocation(data_dir, database, blobs))
    assert [each.name for each in data_dir.iterdir() if each.name != "registry.sqlite"] == []


def test_images_are_read_where_nothing_can_be_written(data_dir, monkeypatch, caplog):
    """Images can be read on a full disk. The times of pulls are kept until there is room, and shown meanwhile."""
    with moto_ecr_ext.install(data_dir=data_dir):
        backend = ecr_backends["123456789012"]["us-east-1"]
        backend.create_repository("app")
        manifest = testing.build_image(seed=1).manifest.decode()
        backend.put_image("app", manifest, image_tag="1.0")
        backend.catch_up()

        def refuse(*, durable: bool = True) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        with monkeypatch.context() as full:
            full.setattr(current_store().database, "write", refuse)
            (image,) = backend.batch_get_image("app", [{"imageTag": "1.0"}])["images"]
            assert image.image_manifest == manifest
            (detail,) = backend.describe_images("app")["imageDetails"]
            assert detail.last_recorded_pull_time is not None
            current_store().pulls.close()
        assert "The times of pulls cannot be written" in caplog.text
    close_current_store()

    with moto_ecr_ext.install(data_dir=data_dir):
        (again,) = ecr_backends["123456789012"]["us-east-1"].describe_images("app")["imageDetails"]
        assert again.last_recorded_pull_time == detail.last_recorded_pull_time
    close_current_store()


def test_a_test_process_is_in_memory_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's variables do not affect `install()`, whose store `mock_aws` empties."""
    somebodys = tmp_path / "somebodys"
    monkeypatch.setenv("MOTO_ECR_DATA_DIR", str(somebodys))

    with moto_ecr_ext.install(), mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        ecr.create_repository(repositoryName="app")
        testing.push(ecr, "app", testing.build_image(seed=1), tag="1.0")
        assert repository_names(current_store()) == ["app"]

    assert not somebodys.exists()
    assert list(tmp_path.iterdir()) == []


def test_install_accepts_a_directory(data_dir: Path) -> None:
    """The next `install(data_dir=...)` finds the data of the previous one."""
    for expected in ([], ["app"]):
        with moto_ecr_ext.install(data_dir=data_dir):
            backend = ecr_backends["123456789012"]["us-east-1"]
            names = [
                each.repository_name for each in backend.describe_repositories()["repositories"]
            ]
            assert names == expected
            if not names:
                backend.create_repository("app")


def test_another_location_is_another_store(data_dir: Path) -> None:
    """A second `install()` with another directory leaves the data of the first one."""
    with moto_ecr_ext.install(data_dir=data_dir / "one"):
        ecr_backends["123456789012"]["us-east-1"].create_repository("app")
        first = current_store()
        assert current_store() is first
        moto_ecr_ext.install(data_dir=data_dir / "two")
        assert repository_names(current_store()) == []
        moto_ecr_ext.install(data_dir=data_dir / "one")
        assert repository_names(current_store()) == ["app"]
    close_current_store()


@pytest.mark.parametrize("name", ["postgresql", "sqlserver"])
def test_another_database_is_not_asked_for_problems_of_sqlite(name: str) -> None:
    """The statements of its check are SQLite's."""
    view: Any = SimpleNamespace(connection=SimpleNamespace(dialect=SimpleNamespace(name=name)))
    assert integrity.problems_of_sqlite(view) == []
