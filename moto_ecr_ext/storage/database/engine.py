"""The database: an engine, its transactions, and the version of what it holds."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, Pool, StaticPool

from .versions import StoreError, bring_up_to_date, is_up_to_date

log = logging.getLogger("moto_ecr_ext")

# How long a transaction waits for another process that writes, in seconds.
BUSY_TIMEOUT = 60

_URLS = "What can be: postgresql+psycopg://USER@HOST/NAME and sqlite:////PATH."


class Writer(Protocol):
    """Gives transactions that change rows, one after the other."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """A transaction that is committed when the block ends and undone when it raises."""

    def close(self) -> None:
        """Let go of the connection."""


class Database:
    """All rows, and the transactions over them.

    `read()` and the writes give a connection. A write commits when the block ends and is undone when
    it raises. One write runs at a time, in all processes together; a read never waits for one, except
    in memory.

    Connections are kept, not taken from the engine for each transaction: that would cost as much as
    the queries.
    """

    def __init__(self, engine: Engine, durable: Writer, swift: Writer):
        self._engine = engine
        # Waiting here is fair and wakes at once; SQLite's own way of waiting for the lock is to
        # sleep and retry.
        self._writer = threading.Lock()
        self._followers: list[Callable[[], None]] = []
        self._idle: deque[Connection] = deque()
        self._durable = durable
        self._swift = swift
        try:
            self._open_schema()
        except BaseException:
            self.close()
            raise

    @classmethod
    def in_memory(cls) -> Database:
        """A database that is gone with the process."""
        engine = _sqlite_engine(URL.create("sqlite"), StaticPool, {"check_same_thread": False})
        return _MemoryDatabase(
            engine, _SQLiteWriter(engine, "FULL"), _SQLiteWriter(engine, "NORMAL")
        )

    @classmethod
    def at(cls, path: Path) -> Database:
        """The SQLite file at `path`, made if it is not there.

        Raises SchemaVersionError, having changed nothing, when this package does not know enough.
        """
        engine = _sqlite_engine(
            URL.create("sqlite", database=str(path)),
            NullPool,
            {"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        )
        return _FileDatabase(engine, _SQLiteWriter(engine, "FULL"), _SQLiteWriter(engine, "NORMAL"))

    @classmethod
    def at_url(cls, text: str) -> Database:
        """The database at a URL, of PostgreSQL or of a SQLite file.

        Raises StoreError for any other, and when what it takes to reach it is not installed or not
        there; SchemaVersionError as `at`.
        """
        url = _url(text)
        if url.drivername in ("postgresql", "postgresql+psycopg"):
            from .postgresql import PostgreSQLDatabase  # It is of use to servers only.

            return PostgreSQLDatabase.reach(url.set(drivername="postgresql+psycopg"))
        file = file_at_url(text)
        if file is not None:
            return cls.at(file)
        raise StoreError(f"{url.render_as_string()} is not a database that can be used. {_URLS}")

    def read(self) -> AbstractContextManager[Connection]:
        """One consistent view of the rows."""
        raise NotImplementedError

    def glance(self) -> AbstractContextManager[Connection]:
        """As `read`, where one query is asked: a second one may see other rows.

        That saves a transaction, which can take as long as the query.
        """
        return self.read()

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
            is_ready = is_up_to_date(connection)
        if not is_ready:
            self._change_schema()

    def _change_schema(self) -> None:
        with self._durable.transaction() as connection:
            bring_up_to_date(connection)


def file_at_url(text: str) -> Path | None:
    """The SQLite file that a URL of a database is of; None where it is of something else.

    Raises StoreError for what is no URL.
    """
    url = _url(text)
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database and not url.query:
        return Path(url.database)
    return None


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # ValueError is that of a port.
        raise StoreError(f"The database is not given by a URL. {_URLS}") from None


class _FileDatabase(Database):
    """SQLite in a file, which several processes may share."""

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the rows."""
        with self.glance() as connection, _transaction(connection, "BEGIN", "ROLLBACK"):
            yield connection

    @contextmanager
    def glance(self) -> Iterator[Connection]:
        """As `read`, where one query is asked: a second one may see other rows."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
        try:
            yield connection
        finally:
            self._idle.append(connection)

    def _open_schema(self) -> None:
        assert self._engine.url.database is not None
        path = Path(self._engine.url.database)
        # SQLite does not wait for its turn to begin a write-ahead log; it fails.
        with _one_process_at_a_time(path.parent):
            _make_private(path)
            super()._open_schema()

    def _change_schema(self) -> None:
        # SQLite changes a column by making the table anew. Deleting the old one would delete the rows
        # that refer to it (https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table
        # Schema Changes").
        with self._engine.connect() as connection:
            # With a write-ahead log, reads and a write do not wait for each other. The file keeps it.
            driver_execute(connection, "PRAGMA journal_mode = WAL")
            driver_execute(connection, "PRAGMA synchronous = FULL")
            driver_execute(connection, "PRAGMA foreign_keys = OFF")
            with _transaction(connection, "BEGIN IMMEDIATE", "COMMIT"):
                bring_up_to_date(connection)


class _MemoryDatabase(Database):
    """SQLite in memory lives in its one connection, so that reads and writes take turns on it.

    A read needs no transaction then.
    """

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view of the rows."""
        with self._writer:
            if not self._idle:
                self._idle.append(self._engine.connect())
            yield self._idle[0]


class _SQLiteWriter:
    """A connection whose transactions take SQLite's write lock at once.

    `synchronous` is SQLite's setting.
    """

    def __init__(self, engine: Engine, synchronous: str):
        self._engine = engine
        self._synchronous = synchronous
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
            driver_execute(self._connection, f"PRAGMA synchronous = {self._synchronous}")
        with _transaction(self._connection, "BEGIN IMMEDIATE", "COMMIT"):
            yield self._connection

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@contextmanager
def _transaction(connection: Connection, begin: str, end: str) -> Iterator[None]:
    """A transaction of SQLite, with the statements that begin and end it; BEGIN IMMEDIATE takes the write lock at once.

    It is begun and ended past SQLAlchemy, which takes as long for that as SQLite for the queries of a pull. To
    SQLAlchemy a connection is in one transaction from its first statement to its end, of which SQLite hears nothing.

    It is left in any case: a commit that fails, of a full disk, say, may leave SQLite in it, where the next one could
    not begin (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
    """
    try:
        driver_execute(connection, begin)
        yield
        driver_execute(connection, end)
    except BaseException:
        driver_connection: Any = connection.connection.dbapi_connection
        if driver_connection.in_transaction:
            driver_connection.rollback()
        raise


def _make_private(path: Path) -> None:
    """Make a file, unless it is there, that nobody else may read: it will have the key that signs passwords.

    The files that SQLite makes beside it get the same mode (https://www.sqlite.org/wal.html).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def _one_process_at_a_time(directory: Path) -> Iterator[None]:
    """Make others wait that want to do this with the same directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def driver_execute(connection: Connection, statement: str) -> None:
    """Run a statement without parameters on the driver's connection, past SQLAlchemy."""
    driver_connection = connection.connection.dbapi_connection
    assert driver_connection is not None
    driver_connection.cursor().execute(statement)


def _sqlite_engine(url: URL, pool: type[Pool], connect_args: dict[str, Any]) -> Engine:
    # What is in the database has no whitespace around it, which `json.loads` takes its time to look for.
    decode = json.JSONDecoder().raw_decode
    engine = create_engine(
        url,
        poolclass=pool,
        connect_args=connect_args,
        json_deserializer=lambda text: decode(text)[0],
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # Python's driver opens transactions by rules of its own; with None it leaves them to `_transaction`.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "handle_error")
    def keep(context: ExceptionContext) -> None:
        # SQLAlchemy gives a connection up when a statement is interrupted, by Ctrl-C, say: others may have been lost.
        # With this one all would be lost that is in memory.
        context.is_disconnect = False

    return engine
