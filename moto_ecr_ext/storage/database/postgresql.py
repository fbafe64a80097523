"""The database in PostgreSQL, which servers on several machines may share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from moto_ecr_ext.platforms.sockets import is_readable
from moto_ecr_ext.storage.rows.tables import metadata

from .base import BUSY_TIMEOUT, Database, driver_execute
from .transaction import View
from .versions import StoreError

# Connections of one server for reads; it has two more for writes. PostgreSQL's default is 100 for all servers
# together. A thread waits if none is idle: reads are short.
_MAX_READERS = 15

# Seconds to wait for an unresponsive server, unless the URL gives another number.
_CONNECT_TIMEOUT = 10

# The transaction with this lock is the only one that writes. PostgreSQL would permit concurrent writes, and
# undo one of two that conflict. But bytes of blobs are published and deleted within transactions, which
# cannot be undone; and a transaction that deletes a blob could not see a member that another one adds. The
# lock ends with the transaction, after its rows are visible, even if its server is killed. Each database has
# separate locks of this kind. https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
_LOCK = f"pg_advisory_xact_lock({int.from_bytes(b'moto_ecr', 'big')})"


class PostgreSQLDatabase(Database):
    """PostgreSQL through psycopg 3.

    A transaction that loses its connection raises; the next one makes a new connection.
    """

    def __init__(self, engine: Engine):
        self._readers = threading.BoundedSemaphore(_MAX_READERS)
        # One view of the rows, from the first query to the last.
        self._reading = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        super().__init__(
            engine,
            _Writer(engine, f"SELECT {_LOCK}"),
            _Writer(engine, f"SELECT {_LOCK}, set_config('synchronous_commit', 'off', true)"),
        )

    @classmethod
    def reach(cls, url: URL) -> PostgreSQLDatabase:
        """Open the existing database at `url`.

        Raises StoreError if it cannot be reached or is not suitable.
        """
        arguments: dict[str, Any] = {
            "fallback_application_name": "moto_ecr_ext",
            "client_encoding": "utf8",
        }
        if "connect_timeout" not in url.query:
            arguments["connect_timeout"] = _CONNECT_TIMEOUT
        if "options" not in url.query:
            arguments["options"] = f"-c lock_timeout={BUSY_TIMEOUT}s"
        try:
            engine = create_engine(url, poolclass=NullPool, connect_args=arguments)
        except ImportError as error:
            raise StoreError(
                f"{error}. Install moto_ecr_ext with its extra 'postgresql'."
            ) from error
        try:
            _check_encoding(engine)
        except OperationalError as error:
            reason = " ".join(str(error.orig).split())
            raise StoreError(f"{url.render_as_string()} cannot be opened: {reason}") from error
        return cls(engine)

    @contextmanager
    def read(self) -> Iterator[View]:
        """Return one consistent view of the rows, for the `with` block."""
        with self._readers:
            connection = self._idle_reader() or self._reading.connect()
            try:
                with _transaction(connection) as transaction:
                    yield View(connection)
                    transaction.rollback()
            finally:
                if connection.invalidated:
                    connection.close()
                else:
                    self._idle.append(connection)

    def leave_to_parent(self) -> None:
        super().leave_to_parent()
        self._readers = threading.BoundedSemaphore(_MAX_READERS)

    def _change_schema(self) -> None:
        use_partial_indexes()
        super()._change_schema()

    def _idle_reader(self) -> Connection | None:
        while self._idle:
            try:
                connection = self._idle.pop()
            except IndexError:  # Another thread was faster.
                return None
            if _is_usable(connection):
                return connection
            _discard(connection)
        return None


class _Writer:
    """A connection whose transactions begin with `take_turn`, a query that waits for the lock."""

    def __init__(self, engine: Engine, take_turn: str):
        # A view for the whole transaction would be taken before the wait.
        self._engine = engine.execution_options(isolation_level="READ COMMITTED")
        self._take_turn = take_turn
        self._connection: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        connection = self._connection
        if connection is None or not _is_usable(connection):
            self.close()
            connection = self._connection = self._engine.connect()
        with _transaction(connection):
            driver_execute(connection, self._take_turn)
            yield connection

    def flush(self) -> None:
        """Do nothing: a commit flushes."""

    def close(self) -> None:
        if self._connection is not None:
            _discard(self._connection)
            self._connection = None

    def forget(self) -> Connection | None:
        forgotten, self._connection = self._connection, None
        return forgotten


@contextmanager
def _transaction(connection: Connection) -> Iterator[Any]:
    with connection.begin() as transaction:
        try:
            yield transaction
        except BaseException:
            # SQLAlchemy does not see errors of queries that bypass it.
            if not _is_usable(connection):
                connection.invalidate()
            raise


def _is_usable(connection: Connection) -> bool:
    """Return True if the server is there, as far as the connection shows without a query.

    A server that ends a connection sends a message or closes it, and both can be read. Otherwise it sends nothing
    unasked.
    """
    if connection.invalidated:
        return False
    driver_connection: Any = connection.connection.dbapi_connection
    if driver_connection.closed:
        return False
    return not is_readable(driver_connection.fileno())


def _discard(connection: Connection) -> None:
    connection.invalidate()
    connection.close()


def _check_encoding(engine: Engine) -> None:
    with engine.connect() as connection:
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(
            f"{engine.url.render_as_string()} has the encoding {encoding}, which cannot hold all "
            "text. Create the database with the encoding UTF8."
        )


def use_partial_indexes() -> None:
    """Keep the conditions of partial indexes, which the tables define for SQLite.

    Naming PostgreSQL's dialect in an index's definition would import it, even if SQLite is used.
    """
    for table in metadata.tables.values():
        for index in table.indexes:
            condition = index.dialect_options["sqlite"].get("where")
            if condition is not None:
                index.dialect_kwargs["postgresql_where"] = condition
