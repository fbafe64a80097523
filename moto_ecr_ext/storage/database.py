"""The database: an engine, its transactions, and the version of what it holds."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool, Pool, StaticPool

from . import tables

log = logging.getLogger("moto_ecr_ext")

# How long a transaction waits for another process that holds SQLite's write lock, in seconds.
_BUSY_TIMEOUT = 60


class StoreError(Exception):
    """What is kept cannot be opened. The message is for who chose the place."""


class SchemaVersionError(StoreError):
    """The database was written by a version of this package that knows more than this one."""


class Database:
    """All rows, and the transactions over them.

    `read()` and the writes give a connection in a transaction. A write commits when the block ends
    and is undone when it raises. One write runs at a time in this process; a read never waits for
    one on a file.

    Connections are kept, not taken from the engine for each transaction: that would cost as much as
    the queries.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        # Waiting here is fair and wakes at once; SQLite's own way of waiting for the lock is to
        # sleep and retry.
        self._writer = threading.Lock()
        self._followers: list[Callable[[], None]] = []
        self._idle: deque[Connection] = deque()
        self._durable = _Writer(engine, "FULL")
        self._swift = _Writer(engine, "NORMAL")
        try:
            self._open_schema()
        except BaseException:
            self.close()
            raise

    @classmethod
    def in_memory(cls) -> Database:
        """A database that is gone with the process."""
        return _MemoryDatabase(
            _sqlite_engine(URL.create("sqlite"), StaticPool, {"check_same_thread": False})
        )

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite file at `path`, made if it is not there.

        Raises SchemaVersionError, having changed nothing, when this package does not know enough.
        """
        return _FileDatabase(
            _sqlite_engine(
                URL.create("sqlite", database=str(path)),
                NullPool,
                {"timeout": _BUSY_TIMEOUT, "check_same_thread": False},
            )
        )

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the rows."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            with connection.begin() as transaction:
                yield connection
                transaction.rollback()
        finally:
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that changes rows: all of it happens, or nothing.

        It is on disk when the block has ended.
        """
        with self._writer:
            followers = self._followers = []
            with self._durable.transaction() as connection:
                yield connection
        for follow in followers:
            try:
                follow()
            except Exception:
                # What was asked for is done and stays.
                log.exception("A call that follows a committed transaction has failed")

    def after_commit(self, follow: Callable[[], None]) -> None:
        """Have `follow` called when the write that this thread is in has been committed; never when it is undone."""
        self._followers.append(follow)

    @contextmanager
    def write_swiftly(self) -> Iterator[Connection]:
        """As `write`, for what may vanish: a power cut may take it back, with nothing but it.

        Killing the process does not. Upload sessions and times of pulls are written like this.
        """
        with self._writer, self._swift.transaction() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections, once a write that is under way has ended."""
        with self._writer:
            while self._idle:
                self._idle.pop().close()
            self._durable.close()
            self._swift.close()
            self._engine.dispose()

    def _open_schema(self) -> None:
        with self.read() as connection:
            version = _schema_version(connection)
        if version is None:
            self._create_schema()
        elif version > tables.SCHEMA_VERSION:
            raise SchemaVersionError(
                f"The data was written by a newer moto_ecr_ext (schema version {version}; "
                f"this one knows {tables.SCHEMA_VERSION}). Nothing was changed. "
                "Upgrade moto_ecr_ext, or use another directory."
            )

    def _create_schema(self) -> None:
        with self.write() as connection:
            tables.metadata.create_all(connection)
            connection.execute(
                tables.store.insert(),
                {"name": "schema_version", "value": str(tables.SCHEMA_VERSION)},
            )


class _FileDatabase(Database):
    """SQLite in a file, which several processes may share."""

    def _open_schema(self) -> None:
        assert self._engine.url.database is not None
        # SQLite does not wait for its turn to begin a write-ahead log; it fails.
        with _one_process_at_a_time(Path(self._engine.url.database).parent):
            super()._open_schema()

    def _create_schema(self) -> None:
        # With a write-ahead log, reads and a write do not wait for each other. The file keeps it.
        with self._engine.connect() as connection:
            _driver_execute(connection, "PRAGMA journal_mode = WAL")
        super()._create_schema()


class _MemoryDatabase(Database):
    """SQLite in memory lives in its one connection, so that reads and writes take turns on it."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._writer, self._durable.transaction() as connection:
            yield connection


class _Writer:
    """A connection whose transactions take SQLite's write lock at once.

    `synchronous` is SQLite's setting.
    """

    def __init__(self, engine: Engine, synchronous: str):
        self._engine = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        self._synchronous = synchronous
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
            _driver_execute(self._connection, f"PRAGMA synchronous = {self._synchronous}")
        with self._connection.begin():
            yield self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _one_process_at_a_time(directory: Path) -> Iterator[None]:
    """Make others wait that want to do this with the same directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _schema_version(connection: Connection) -> int | None:
    """The version of what the database holds; None when it holds nothing yet."""
    if not inspect(connection).has_table(tables.store.name):
        return None
    found = connection.execute(
        tables.store.select().where(tables.store.c.name == "schema_version")
    ).one()
    return int(found.value)


def _driver_execute(connection: Connection, statement: str) -> None:
    driver_connection = connection.connection.dbapi_connection
    assert driver_connection is not None
    driver_connection.cursor().execute(statement)


def _sqlite_engine(url: URL, pool: type[Pool], connect_args: dict[str, Any]) -> Engine:
    engine = create_engine(url, poolclass=pool, connect_args=connect_args)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # Python's driver opens transactions by rules of its own; with None it leaves them to
        # `begin` below.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        _driver_execute(connection, options.get("sqlite_begin", "BEGIN"))

    return engine
