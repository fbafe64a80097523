"""What every database offers: views of its rows, transactions over them, and the version of what it holds."""

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

# Seconds that a transaction waits for another process that writes.
BUSY_TIMEOUT = 60
# Seconds that a fork waits for the transactions of other threads.
REST_TIMEOUT = 10
# Connections of the parent of this process. To close them would end them for it.
_of_parent: list[object] = []


class Writer(Protocol):
    """Gives connections in a transaction that changes rows, one after the other."""

    def transaction(self) -> AbstractContextManager[Connection]:
        """Open a transaction that is committed when the block ends and undone when it raises."""

    def flush(self) -> None:
        """Return once what was committed before is as durable as the writer promises. Others may write meanwhile."""

    def close(self) -> None:
        """Let go of the connection."""

    def forget(self) -> object:
        """Return the connection, which stays open, and use another one from now on."""


class Database(ABC):
    """All rows, and the transactions over them.

    One write runs at a time, in all processes together; a read never waits for one, except in memory.

    Connections are kept, not taken from the engine for each transaction: that would cost as much as
    the queries.
    """

    is_shared = True
    """Whether other processes may write to it too, for which a write waits."""

    def __init__(self, engine: Engine, durable: Writer, swift: Writer):
        self.later = Later()
        self._engine = engine
        # Waiting here is fair and wakes at once; SQLite's own way of waiting for the lock is to
        # sleep and retry.
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

    def read_one(self) -> AbstractContextManager[View]:
        """As `read`, for a single query: a second one may see other rows.

        That saves a transaction, which can take as long as the query.
        """
        return self.read()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Transaction]:
        """Open a transaction that changes rows: all of it happens, or nothing.

        It is on disk when the block has ended. One that is not `durable` may be taken back by a power cut, with nothing
        but it, though not by killing the process: upload sessions and times of pulls are written like this.
        """
        writer = self._durable if durable else self._swift
        with self._writer, writer.transaction() as connection:
            transaction = Transaction(connection)
            yield transaction
        writer.flush()
        self.later.make(transaction.followers)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Have no transaction under way in this block, unless one takes too long."""
        is_held = self._writer.acquire(timeout=REST_TIMEOUT)
        try:
            yield
        finally:
            if is_held:
                self._writer.release()

    def form_a_queue(self) -> None:
        """Have this process wait in line with others that write often; each of them is to be told so."""
        return  # Most databases have one.

    def leave_to_parent(self) -> None:
        """Use no connection any more that this process has from its parent."""
        _of_parent.extend([*self._idle, self._durable.forget(), self._swift.forget()])
        self._idle.clear()

    def close(self) -> None:
        """Close all connections, once a write that is under way has ended."""
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
    """Run a statement without parameters on the driver's connection, past SQLAlchemy."""
    driver_connection = connection.connection.dbapi_connection
    assert driver_connection is not None
    driver_connection.cursor().execute(statement)
