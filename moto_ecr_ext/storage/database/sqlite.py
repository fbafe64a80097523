"""The database in SQLite: in a file, or in memory."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import NullPool, Pool, StaticPool

from moto_ecr_ext.platforms import files
from moto_ecr_ext.process import this_process

from .base import BUSY_TIMEOUT, REST_TIMEOUT, Database, Writer, driver_execute
from .transaction import View
from .versions import bring_up_to_date
from .write_ahead_log import WriteAheadLog


class FileDatabase(Database):
    """SQLite in a file, which several processes may share."""

    @classmethod
    def at(cls, path: Path) -> FileDatabase:
        """Open the SQLite file at `path`, created if missing.

        Raises SchemaVersionError, having changed nothing, for a file of a newer version, or of an unreleased one.
        """
        engine = _engine(
            URL.create("sqlite", database=str(path)),
            NullPool,
            {"timeout": BUSY_TIMEOUT, "check_same_thread": False},
        )
        return cls(engine, _LoggedWriter(engine, str(path)), _Writer(engine, "NORMAL"))

    def __init__(self, engine: Engine, durable: Writer, swift: Writer):
        # All connections for reads.
        self._opened: set[Connection] = set()
        super().__init__(engine, durable, swift)
        if this_process().has_siblings:
            self._form_a_queue()

    @contextmanager
    def read(self) -> Iterator[View]:
        """Return one consistent view of the rows, for the `with` block."""
        with self.read_one() as view, _transaction(view.connection, "BEGIN", "ROLLBACK"):
            yield view

    @contextmanager
    def read_one(self) -> Iterator[View]:
        """Return a view for a single query: a second one may see other rows."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._engine.connect()
            self._opened.add(connection)
        try:
            yield View(connection)
        finally:
            self._idle.append(connection)

    def problem(self) -> str | None:
        """Return that the file is gone, if it is: an open file outlives its name."""
        file = self._engine.url.database
        return None if file and os.path.isfile(file) else f"{file} does not exist"

    def _form_a_queue(self) -> None:
        """Make this process queue with its siblings: SQLite lets a waiting process retry up to ten times a second.

        The lock of the file's directory goes to the process that has waited longest.
        """
        assert self._engine.url.database is not None
        turn = _Turn(os.path.dirname(self._engine.url.database))
        for writer in (self._durable, self._swift):
            assert isinstance(writer, _Writer)
            writer.turn = turn

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Keep transactions and reads out of this block: SQLite has locks for all connections of the process."""
        with super().at_rest():
            until = time.monotonic() + REST_TIMEOUT
            while len(self._idle) < len(self._opened) and time.monotonic() < until:
                time.sleep(0.001)  # There is no notification: reads should not pay for forks.
            yield

    def leave_to_parent(self) -> None:
        super().leave_to_parent()
        self._opened.clear()

    def close(self) -> None:
        super().close()
        self._opened.clear()

    def _open_schema(self) -> None:
        assert self._engine.url.database is not None
        path = Path(self._engine.url.database)
        # SQLite fails instead of waiting for its turn to begin a write-ahead log.
        with files.directory_turn(path.parent):
            _make_private(path)
            super()._open_schema()
        if self._journal_mode() != "wal":
            # Without shared memory, a file system has no write-ahead log. Each commit flushes itself there.
            self._durable = _Writer(self._engine, "FULL")

    def _journal_mode(self) -> str:
        with self.read_one() as view:
            connection = _driver_connection(view.connection)
            # A connection from before the change of the mode learns of it by a query.
            connection.execute("SELECT 1 FROM sqlite_master").fetchall()
            [(mode,)] = connection.execute("PRAGMA journal_mode")
        found: str = mode
        return found

    def _change_schema(self) -> None:
        # SQLite changes a column by creating the table anew. Deleting the old table would delete the rows that refer
        # to it (https://www.sqlite.org/lang_altertable.html, "Making Other Kinds Of Table Schema Changes").
        with self._engine.connect() as connection:
            # With a write-ahead log, reads and a write do not wait for each other. The file keeps the mode.
            driver_execute(connection, "PRAGMA journal_mode = WAL")
            driver_execute(connection, "PRAGMA synchronous = FULL")
            driver_execute(connection, "PRAGMA foreign_keys = OFF")
            with _transaction(connection, "BEGIN IMMEDIATE", "COMMIT"):
                bring_up_to_date(connection)


class MemoryDatabase(Database):
    """SQLite in memory, in one connection, on which reads and writes take turns.

    A read therefore needs no transaction.
    """

    is_shared = False

    @classmethod
    def new(cls) -> MemoryDatabase:
        """Make a database that ends with the process."""
        engine = _engine(URL.create("sqlite"), StaticPool, {"check_same_thread": False})
        return cls(engine, _Writer(engine, "FULL"), _Writer(engine, "NORMAL"))

    @contextmanager
    def read(self) -> Iterator[View]:
        """Return one consistent view of the rows, for the `with` block."""
        with self._writer:
            if not self._idle:
                self._idle.append(self._engine.connect())
            yield View(self._idle[0])

    def leave_to_parent(self) -> None:
        """Do nothing: a child has a copy of the memory."""


class _Writer:
    """A connection whose transactions take SQLite's write lock at once.

    `synchronous` is the value of SQLite's setting.
    """

    def __init__(self, engine: Engine, synchronous: str):
        self._engine = engine
        self._synchronous = synchronous
        self._connection: Connection | None = None
        self.turn: AbstractContextManager[None] = nullcontext()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
            driver_execute(self._connection, f"PRAGMA synchronous = {self._synchronous}")
        with self.turn, _transaction(self._connection, "BEGIN IMMEDIATE", "COMMIT"):
            yield self._connection

    def flush(self) -> None:
        """Do nothing: a commit flushes as far as `synchronous` says."""

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def forget(self) -> Connection | None:
        forgotten, self._connection = self._connection, None
        return forgotten


class _LoggedWriter(_Writer):
    """A writer whose commits share syncs of the write-ahead log."""

    def __init__(self, engine: Engine, path: str):
        super().__init__(engine, "NORMAL")
        self._log = WriteAheadLog(path)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        if self._log.is_doubtful:
            self._leave_the_log()
        with super().transaction() as connection:
            yield connection

    def flush(self) -> None:
        self._log.flush()

    def close(self) -> None:
        super().close()
        self._log.close()

    def forget(self) -> Connection | None:
        self._log.forget_waiters()
        return super().forget()

    def _leave_the_log(self) -> None:
        """Write all commits into the database itself, and begin the log anew.

        Frames after lost ones would be lost, too. Raises sqlite3.OperationalError while the disk fails.
        """
        with self._engine.connect() as connection:
            driver_connection = _driver_connection(connection)
            driver_connection.execute("PRAGMA synchronous = FULL")
            [(is_busy, *_)] = driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            if is_busy:
                raise sqlite3.OperationalError("the write-ahead log is in use")
        self._log.is_doubtful = False


class _Turn(AbstractContextManager[None]):
    """The turn of this process to write. One thread at a time has it."""

    def __init__(self, directory: str) -> None:
        descriptor = files.open_directory(directory)
        assert (
            descriptor is not None
        )  # Systems on which a directory cannot be opened have one process for a server.
        self._descriptor = descriptor

    def __enter__(self) -> None:
        files.lock(self._descriptor)

    def __exit__(self, *error: object) -> None:
        files.unlock(self._descriptor)


@contextmanager
def _transaction(connection: Connection, begin: str, end: str) -> Iterator[None]:
    """Open a transaction of SQLite with these statements; BEGIN IMMEDIATE takes the write lock at once.

    It bypasses SQLAlchemy, which takes as long for it as SQLite for the queries of a pull. For SQLAlchemy, a connection
    is in one transaction from its first statement to its end; SQLite does not see that.

    The transaction ends in any case: a failed commit, on a full disk for example, may leave it open, so that the next
    one could not begin (https://www.sqlite.org/lang_transaction.html, "Response To Errors Within A Transaction").
    """
    try:
        driver_execute(connection, begin)
        yield
        driver_execute(connection, end)
    except BaseException:
        driver_connection = _driver_connection(connection)
        if driver_connection.in_transaction:
            driver_connection.rollback()
        raise


def _driver_connection(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def _make_private(path: Path) -> None:
    """Create a file that only its owner can read, unless it exists: it will hold the key that signs passwords.

    SQLite gives its other files the same mode (https://www.sqlite.org/wal.html).
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | files.BINARY, 0o600))


def _engine(url: URL, pool: type[Pool], connect_args: dict[str, Any]) -> Engine:
    # JSON in the database has no surrounding whitespace, for which `json.loads` would look.
    decode = json.JSONDecoder().raw_decode
    engine = create_engine(
        url,
        poolclass=pool,
        connect_args=connect_args,
        json_deserializer=lambda text: decode(text)[0],
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: Any) -> None:
        # Python's driver opens transactions by its own rules; with None it leaves them to `_transaction`.
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if files.FULL_FLUSH is not None:
            # Both default to fsync alone, which does not flush the disk's own cache there.
            connection.execute("PRAGMA fullfsync = ON")
            connection.execute("PRAGMA checkpoint_fullfsync = ON")

    @event.listens_for(engine, "handle_error")
    def keep(context: ExceptionContext) -> None:
        # SQLAlchemy drops a connection after an interrupted statement, by Ctrl-C for example: others may have been
        # lost. This connection holds the whole database in memory.
        context.is_disconnect = False

    return engine
