"""The interface of databases: views of rows, transactions, and the version of the tables."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from sqlalchemy import Connection, Engine

from moto_ecr_ext.storage.forks import fork_safe_lock
from moto_ecr_ext.storage.later import Later

from .transaction import Transaction, View
from .versions import bring_up_to_date, is_up_to_date

# Seconds that a transaction waits for another writing process.
BUSY_TIMEOUT = 60
# Seconds that a fork waits for the transactions of other threads.
REST_TIMEOUT = 10
# Connections of this process's parent. Closing them would end them for the parent.
_of_parent: list[object] = []


class Writer(Protocol):
    """A source of connections in write transactions, one after the other."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open a transaction that is committed when the block ends and undone when it raises."""

    def flush(self) -> None:
        """Wait until earlier commits are as durable as the writer promises. Others may write meanwhile."""

    def close(self) -> None:
        """Release the connection."""

    def forget(self) -> object:
        """Return the connection without closing it, and use another one from now on."""


class Database(ABC):
    """All rows, and the transactions over them.

    One write runs at a time, in all processes together. A read never waits for a write, except in memory.

    Connections are kept: taking one from the engine for each transaction would cost as much as the queries.
    """

    is_shared = True
    """True if other processes may write to it too, for which a write waits."""

    def __init__(self, engine: Engine, durable: Writer, swift: Writer):
        self.later = Later()
        self._engine = engine
        # This lock is fair and wakes at once, while SQLite sleeps and retries.
        self._writer = fork_safe_lock()
        self._idle: deque[Connection] = deque()
        self._durable = durable
        self._swift = swift
        try:
            self._open_schema()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def read(self) -> AbstractContextManager[View]:
        """Return one consistent view of the rows, for the `with` block."""

    def problem(self) -> str | None:
        """Return why the database cannot be used although it answers, in one line, or None."""
        return None

    def read_one(self) -> AbstractContextManager[View]:
        """Return a view for a single query: a second one may see other rows.

        That saves a transaction, which can take as long as the query.
        """
        return self.read()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Open a transaction that changes rows: all of it happens, or nothing.

        It is on disk at the end of the block. A power cut may undo a transaction that is not `durable`, but no other
        one; killing the process does not. Upload sessions and times of pulls are written like this.
        """
        writer = self._durable if durable else self._swift
        with self._writer, writer.transaction() as connection:
            transaction = Transaction(connection)
            yield transaction
        writer.flush()
        self.later.make(transaction.calls_after_commit)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Keep transactions out of this block, unless one takes too long."""
        is_held = self._writer.acquire(timeout=REST_TIMEOUT)
        try:
            yield
        finally:
            if is_held:
                self._writer.release()

    def leave_to_parent(self) -> None:
        """Stop using the connections that this process has inherited from its parent."""
        _of_parent.extend([*self._idle, self._durable.forget(), self._swift.forget()])
        self._idle.clear()

    def close(self) -> None:
        """Close all connections, once the current write has ended."""
        with self._writer:
            while self._idle:
                self._idle.pop().close()
            self._durable.close()
            self._swift.close()
            self._engine.dispose()

    def _open_schema(self) -> None:
        with self.read() as view:
            is_ready = is_up_to_date(view.connection)
        if not is_ready:
            self._change_schema()

    def _change_schema(self) -> None:
        with self._durable.transaction() as connection:
            bring_up_to_date(connection)


def driver_execute(connection: Connection, statement: str) -> None:
    """Run a statement without parameters on the driver's connection, bypassing SQLAlchemy."""
    driver_connection = connection.connection.dbapi_connection
    assert driver_connection is not None
    driver_connection.cursor().execute(statement)
