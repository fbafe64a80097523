"""Queries that are asked with every request, without the price of SQLAlchemy's execution.

Executing a Core statement costs some 50 us beyond the database's own work. A query is compiled to the dialect's SQL
once, by SQLAlchemy, and then run on the driver's connection, in the same transaction.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Connection, Dialect, Select
from sqlalchemy.engine.interfaces import DBAPICursor


class Query:
    """A SELECT with `bindparam`s, none of them expanding. Rows are named tuples of its columns."""

    def __init__(self, statement: Select[Any]):
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def all(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Every row, for these values of the bind parameters."""
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        driver_connection = connection.connection.connection.dbapi_connection
        assert driver_connection is not None
        cursor = driver_connection.cursor()
        try:
            cursor.execute(compiled.sql, compiled.parameters(values))
            return compiled.rows(cursor)
        finally:
            cursor.close()

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any | None:
        """The first row, or None."""
        rows = self.all(connection, values)
        return rows[0] if rows else None

    def _compile(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled[dialect.name] = _Compiled(self._statement, dialect)
        return compiled


class _Compiled:
    def __init__(self, statement: Select[Any], dialect: Dialect):
        compiled = statement.compile(dialect=dialect)
        self.sql = str(compiled)
        self._constants = {
            name: value for name, value in compiled.params.items() if value is not None
        }
        positions: list[str] | None = getattr(compiled, "positiontup", None)
        self.parameters = self._positional(positions) if positions else self._named
        columns = list(statement.selected_columns)
        self._row: Any = namedtuple("Row", [str(column.key) for column in columns])  # type: ignore[misc]
        self._dialect = dialect
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._processors: list[tuple[int, Callable[[Any], Any]]] | None = None

    def _positional(self, names: list[str]) -> Callable[[Mapping[str, Any]], Any]:
        constants = self._constants
        return lambda values: [
            values[name] if name in values else constants[name] for name in names
        ]

    def _named(self, values: Mapping[str, Any]) -> Any:
        return {**self._constants, **values}

    def rows(self, cursor: DBAPICursor) -> list[Any]:
        """What the cursor has, as the statement's column types have it."""
        processors = self._processors
        if processors is None:
            # PostgreSQL's dialect asks which of its types a number came as.
            processors = self._processors = [
                (position, processor)
                for position, (type_, described) in enumerate(
                    zip(self._types, cursor.description, strict=True)
                )
                if (processor := type_.result_processor(self._dialect, described[1]))
            ]
        make = self._row._make
        if not processors:
            return [make(values) for values in cursor.fetchall()]
        found = []
        for row in cursor.fetchall():
            values = list(row)
            for position, process in processors:
                values[position] = process(values[position])
            found.append(make(values))
        return found
