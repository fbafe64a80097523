"""The database: an engine, its transactions, and the version of what it holds."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, make_url
from sqlalchemy.engine import URL
from sqlalchemy.pool import QueuePool, StaticPool

from . import tables

# How long a transaction waits for another process that holds SQLite's write lock, in seconds.
_BUSY_TIMEOUT = 60


class SchemaVersionError(Exception):
    """The database was written by a version of this package that knows more than this one."""


class Database:
    """All rows, and the transactions over them.

    `read()` and `write()` give a connection in a transaction. A write commits when the block ends and is undone when
    it raises. One write runs at a time in this process; a read never waits for one on a file.
    """

    def __init__(self, engine: Engine):
        self._engine = engine
        self._writing = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        # Waiting here is fair and wakes at once; SQLite's own way of waiting for the lock is to sleep and retry.
        self._writer = threading.Lock()
        self._open_schema()

    @classmethod
    def in_memory(cls) -> Database:
        """A database that is gone with the process."""
        return _MemoryDatabase(
            _sqlite_engine(URL.create("sqlite"), StaticPool, {"check_same_thread": False})
        )

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite file at `path`, made if it is not there. Every commit is on disk when it returns."""
        return cls(
            _sqlite_engine(
                URL.create("sqlite", database=str(path)), QueuePool, {"timeout": _BUSY_TIMEOUT}
            )
        )

    @classmethod
    def from_url(cls, url: str) -> Database:
        """The database of any SQLAlchemy URL."""
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite":
            return cls.at(Path(parsed.database)) if parsed.database else cls.in_memory()
        return cls(create_engine(parsed))

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the rows."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that changes rows: all of it happens, or nothing."""
        with self._writer, self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _open_schema(self) -> None:
        with self._writing.begin() as connection:
            if not inspect(connection).has_table(tables.store.name):
                tables.metadata.create_all(connection)
                connection.execute(
                    tables.store.insert(),
                    {"name": "schema_version", "value": str(tables.SCHEMA_VERSION)},
                )
                return
            found = connection.execute(
                tables.store.select().where(tables.store.c.name == "schema_version")
            ).one()
        if int(found.value) > tables.SCHEMA_VERSION:
            self.close()
            raise SchemaVersionError(
                f"The data was written by a newer moto_ecr_ext (schema version {found.value}; this one knows "
                f"{tables.SCHEMA_VERSION}). Nothing was changed. Upgrade moto_ecr_ext, or use another directory."
            )


class _MemoryDatabase(Database):
    """SQLite in memory lives in its one connection, so that reads and writes take turns on it."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self._writer, self._engine.connect() as connection:
            yield connection


def _sqlite_engine(url: URL, pool: type[Any], connect_args: dict[str, Any]) -> Engine:
    # A pool without a limit that is met: every thread of the server may read at once.
    options: dict[str, Any] = {"pool_size": 16, "max_overflow": -1} if pool is QueuePool else {}
    engine = create_engine(url, poolclass=pool, connect_args=connect_args, **options)

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # Python's driver opens transactions by rules of its own; with None it leaves them to `begin` below.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if url.database:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        driver_connection = connection.connection.dbapi_connection
        assert driver_connection is not None
        cursor = driver_connection.cursor()
        cursor.execute(connection.get_execution_options().get("sqlite_begin", "BEGIN"))
        cursor.close()

    return engine
