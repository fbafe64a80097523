"""The database in PostgreSQL: which transactions wait, what a lost connection undoes, and what is refused."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from threading import Barrier, Thread
from time import monotonic
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import moto_ecr_ext
from moto_ecr_ext.server.commands import server
from moto_ecr_ext.storage.database.base import Database
from moto_ecr_ext.storage.database.opening import database_at
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.database.versions import StoreError
from moto_ecr_ext.storage.rows import tables
from support.commands import PATIENCE
from support.environments import Environment
from support.postgresql import Cluster

# The transactions that a database has.
WAYS: dict[str, Callable[[Database], AbstractContextManager[View]]] = {
    "read": lambda database: database.read(),
    "write": lambda database: database.write(),
    "write what may vanish": lambda database: database.write(durable=False),
}


@pytest.fixture
def url(postgresql: Cluster) -> str:
    """The URL of an empty database."""
    return postgresql.url(postgresql.create_database())


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    database = database_at(url)
    yield database
    database.close()


@pytest.fixture
def other(url: str, database: Database) -> Iterator[Database]:
    """The same database, opened as by another process."""
    other = database_at(url)
    yield other
    other.close()


def put(database: Database, name: str) -> None:
    with database.write() as transaction:
        transaction.connection.execute(tables.store.insert(), {"name": name, "value": "there"})


def names(transaction: Any) -> list[str]:
    found = transaction.connection.execute(text("SELECT name FROM store ORDER BY name"))
    return [name for name in found.scalars() if name != "schema_version"]


def wait_until_one_waits(cluster: Cluster) -> None:
    """Return when PostgreSQL has a connection wait for a lock of this kind."""
    deadline = monotonic() + PATIENCE
    query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with cluster.connect() as connection:
        while connection.execute(query).fetchone() == (0,):
            assert monotonic() < deadline, "nobody waits"


def test_a_write_waits_for_that_of_another_process(
    postgresql: Cluster, database: Database, other: Database
) -> None:
    """The waiting write then sees every change of the other."""
    seen: list[str] = []

    def write_too() -> None:
        with other.write() as transaction:
            seen.extend(names(transaction))

    thread = Thread(target=write_too)
    with database.write() as transaction:
        transaction.connection.execute(tables.store.insert(), {"name": "first", "value": "there"})
        thread.start()
        wait_until_one_waits(postgresql)
        transaction.connection.execute(tables.store.insert(), {"name": "second", "value": "there"})
    thread.join(PATIENCE)
    assert seen == ["first", "second"]


def test_a_read_does_not_wait_and_sees_one_moment(database: Database, other: Database) -> None:
    """A view shows the state at its beginning, from its first query to its last."""
    with database.write() as transaction:
        transaction.connection.execute(tables.store.insert(), {"name": "first", "value": "there"})
        with other.read() as reading:
            assert names(reading) == []
    with database.read() as reading:
        assert names(reading) == ["first"]
        put(other, "second")
        assert names(reading) == ["first"]
    with database.read() as reading:
        assert names(reading) == ["first", "second"]


def test_a_read_changes_nothing(database: Database) -> None:
    """The server refuses a change in a read."""
    with pytest.raises(DBAPIError, match="read-only transaction"), database.read() as transaction:
        transaction.connection.execute(tables.store.delete())


@pytest.mark.parametrize(("way", "setting"), [("write", "on"), ("write what may vanish", "off")])
def test_a_write_is_on_disk_unless_it_may_vanish(
    database: Database, way: str, setting: str
) -> None:
    """A write waits for the disk, unless it may be lost."""
    for _ in range(2):
        with WAYS[way](database) as transaction:
            assert (
                transaction.connection.execute(text("SHOW synchronous_commit")).scalar_one()
                == setting
            )


def test_names_sort_by_their_bytes(database: Database) -> None:
    """Names sort by their bytes, as in SQLite, whatever the language of the database."""
    in_order = ["A", "Z", "_", "a", "a-b", "a.b", "a/b", "a0", "ab", "b", "é"]
    with database.write() as transaction:
        for name in reversed(in_order):
            transaction.connection.execute(tables.store.insert(), {"name": name, "value": "there"})
        assert names(transaction) == in_order
        # The test would say nothing of a database that sorts like that by itself.
        by_language = text("SELECT 'Z' < 'a'")
        assert transaction.connection.execute(by_language).scalar_one() is False


def test_more_readers_than_connections(database: Database) -> None:
    """More readers than connections take turns."""
    count = 60
    together = Barrier(count)

    def read(_: int) -> list[str]:
        together.wait(PATIENCE)
        with database.read() as transaction:
            return names(transaction)

    put(database, "first")
    with ThreadPoolExecutor(count) as threads:
        assert list(threads.map(read, range(count))) == [["first"]] * count
    with database.read() as transaction:
        count_of = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
        assert transaction.connection.execute(count_of).scalar_one() < 20


@pytest.mark.parametrize("mode", ["fast", "immediate"])
@pytest.mark.parametrize("way", ["read", "write", "write what may vanish"])
def test_a_server_that_restarts(
    postgresql: Cluster, database: Database, way: str, mode: str
) -> None:
    """A restart undoes interrupted calls; later calls work, with new connections."""
    put(database, "before")

    def be_interrupted() -> None:
        with WAYS[way](database) as transaction:
            names(transaction)
            postgresql.stop(mode)
            postgresql.start()
            names(transaction)

    with pytest.raises(DBAPIError):
        be_interrupted()

    put(database, "after")
    with database.write(durable=False) as transaction:
        assert names(transaction) == ["after", "before"]
    with database.read() as transaction:
        assert names(transaction) == ["after", "before"]

    postgresql.stop(mode)
    postgresql.start()
    with database.read() as transaction:
        assert names(transaction) == ["after", "before"]
    put(database, "last")


def test_a_write_that_is_cut_off_at_its_commit(postgresql: Cluster, database: Database) -> None:
    """A write whose connection is lost at its commit raises an error."""

    def be_interrupted() -> None:
        with database.write() as transaction:
            transaction.connection.execute(
                tables.store.insert(), {"name": "lost", "value": "there"}
            )
            postgresql.stop()
            postgresql.start()

    with pytest.raises(DBAPIError):
        be_interrupted()
    put(database, "next")
    with database.read() as transaction:
        assert names(transaction) == ["next"]


def test_a_lost_connection_is_an_error_of_the_server(
    postgresql: Cluster, url: str, server: Environment, tmp_path: Any
) -> None:
    """A lost connection is a 5xx error of the call, by both protocols, and later calls are answered."""
    moto_ecr_ext.install(database=url, blobs=str(tmp_path))
    server.client().create_repository(repositoryName="app")
    registry = server.registry()
    assert registry.get("/v2/app/tags/list").status_code == 200

    postgresql.stop()
    try:
        assert registry.get("/v2/app/tags/list").status_code == 500
        with pytest.raises(ClientError) as refused:
            server.client().describe_repositories()
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    finally:
        postgresql.start()

    assert registry.get("/v2/app/tags/list").status_code == 200
    assert len(server.client().describe_repositories()["repositories"]) == 1


def test_two_that_start_at_once_make_the_tables_once(url: str) -> None:
    """The second of two starting processes waits, and finds the tables."""
    with ThreadPoolExecutor(4) as threads:
        opened = list(threads.map(database_at, [url] * 4))
    for database in opened:
        put(database, f"{id(database)}")
        database.close()


def test_a_table_of_somebody_else_is_left_alone(postgresql: Cluster, url: str) -> None:
    """A database in use for something else is not taken over."""
    name = postgresql.create_database()
    with postgresql.connect(name) as connection:
        connection.execute("CREATE TABLE images (picture bytea)")

    with pytest.raises(DBAPIError, match='relation "images" already exists'):
        database_at(postgresql.url(name))

    with postgresql.connect(name) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        assert found.fetchone() == (1,)


def test_an_encoding_that_cannot_hold_all_text_is_refused(postgresql: Cluster) -> None:
    """A database in LATIN1 is not opened; the error names the encoding."""
    options = "ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0"
    url = postgresql.url(postgresql.create_database(options))
    with pytest.raises(StoreError, match="has the encoding LATIN1, which cannot hold all text"):
        database_at(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("registry", "The database is not a URL."),
        ("mysql://me:secret@host/name", "mysql://me:***@host/name is not a supported database."),
        ("postgresql+psycopg2:///name", "postgresql+psycopg2:///name is not a supported database."),
        ("sqlite://", "sqlite:// is not a supported database."),
    ],
)  # fmt: skip
def test_other_engines_are_refused(capfd: Any, tmp_path: Any, url: str, message: str) -> None:
    """Another engine is refused in one line without the password; the exit code is 2."""
    can_be = "Supported: postgresql+psycopg://USER@HOST/NAME and sqlite:////PATH."
    assert line_of(capfd, url, tmp_path) == f"moto_ecr_server: {message} {can_be}"


def test_a_missing_server_is_reported_in_one_line(capfd: Any, tmp_path: Any) -> None:
    """A missing server is reported in one line without the password, with the message of PostgreSQL's library."""
    line = line_of(capfd, "postgresql://me:secret@127.0.0.1:1/name", tmp_path)
    assert line.startswith(
        "moto_ecr_server: postgresql+psycopg://me:***@127.0.0.1:1/name cannot be opened: "
    )
    assert "Connection refused" in line


def test_a_missing_package_is_reported_in_one_line(
    capfd: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing psycopg is reported in one line, with its installation."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    line = line_of(capfd, "postgresql+psycopg://127.0.0.1:1/name", tmp_path)
    assert line.startswith("moto_ecr_server: ")
    assert line.endswith("Install moto_ecr_ext with its extra 'postgresql'.")


def line_of(capfd: Any, url: str, tmp_path: Any) -> str:
    """The complete output of a server that cannot open its database."""
    with pytest.raises(SystemExit) as exit_:
        server.main(["--port", "0", "--database", url, "--blobs", str(tmp_path)])
    assert exit_.value.code == 2
    out, error = capfd.readouterr()
    (line,) = (out + error).splitlines()
    return line
