"""Queries: SELECT statements whose rows are typed values.

SQLAlchemy takes some 50 us to execute a statement, beyond the database's own work. A query is therefore compiled once
by SQLAlchemy, for its dialect, and then run on the driver's connection, in the same transaction. Columns are mapped to
the fields of a row by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Select,
    Table,
    select,
)
from sqlalchemy.engine.interfaces import DBAPICursor
from sqlalchemy.sql.visitors import iterate

from .transaction import View

_Row = TypeVar("_Row", bound=tuple[Any, ...])
_Other = TypeVar("_Other", bound=tuple[Any, ...])
_Value = TypeVar("_Value")


class Query(Generic[_Row]):
    """A SELECT whose rows are values of a NamedTuple. Each field has a column of its name.

    Values for the statement's `bindparam`s are given by name.
    """

    def __init__(self, row: type[_Row], statement: Select[Any]):
        named: Any = row
        self._make: Callable[[Iterable[Any]], _Row] = named._make
        self._select = _Select(statement, named._fields)

    def all(self, view: View, /, **values: Any) -> list[_Row]:
        """Return every row."""
        return [self._make(row) for row in self._select.fetch(view.connection, values)]

    def first(self, view: View, /, **values: Any) -> _Row | None:
        """Return the first row, or None."""
        rows = self._select.fetch(view.connection, values)
        return self._make(rows[0]) if rows else None

    def one(self, view: View, /, **values: Any) -> _Row:
        """Return the only row. Raises ValueError unless there is exactly one."""
        [row] = self._select.fetch(view.connection, values)
        return self._make(row)


class Scalars(Generic[_Value]):
    """A SELECT of one column."""

    def __init__(self, statement: Select[Any]):
        self._select = _Select(statement)

    def all(self, view: View, /, **values: Any) -> list[_Value]:
        """Return the value of every row."""
        return [value for (value,) in self._select.fetch(view.connection, values)]

    def first(self, view: View, /, **values: Any) -> _Value | None:
        """Return the value of the first row, or None."""
        rows = self._select.fetch(view.connection, values)
        return rows[0][0] if rows else None

    def one(self, view: View, /, **values: Any) -> _Value:
        """Return the value of the only row. Raises ValueError unless there is exactly one."""
        [(value,)] = self._select.fetch(view.connection, values)
        found: _Value = value
        return found


class Pairs(Generic[_Row, _Other]):
    """A SELECT over an outer join: pairs of a row of one type, and a row of another type or None.

    A missing row has NULL in its first field.
    """

    def __init__(
        self,
        row: type[_Row],
        columns: Mapping[str, ColumnElement[Any]],
        other: type[_Other],
        other_columns: Mapping[str, ColumnElement[Any]],
        joined: FromClause,
        *where: ColumnElement[bool],
        order_by: Sequence[ColumnElement[Any]] = (),
    ):
        first: Any = row
        second: Any = other
        self._make: Callable[[Iterable[Any]], _Row] = first._make
        self._make_other: Callable[[Iterable[Any]], _Other] = second._make
        self._length = len(first._fields)
        self._select = _Select(
            select(
                *(columns[name].label(f"row_{name}") for name in first._fields),
                *(other_columns[name].label(f"other_{name}") for name in second._fields),
            )
            .select_from(joined)
            .where(*where)
            .order_by(*order_by)
        )

    def all(self, view: View, /, **values: Any) -> list[tuple[_Row, _Other | None]]:
        """Return every pair."""
        return [self._pair(row) for row in self._select.fetch(view.connection, values)]

    def first(self, view: View, /, **values: Any) -> tuple[_Row, _Other | None] | None:
        """Return the first pair, or None."""
        rows = self._select.fetch(view.connection, values)
        return self._pair(rows[0]) if rows else None

    def _pair(self, row: Sequence[Any]) -> tuple[_Row, _Other | None]:
        length = self._length
        other = self._make_other(row[length:]) if row[length] is not None else None
        return self._make(row[:length]), other


def columns_of(table: Table) -> dict[str, ColumnElement[Any]]:
    """Return the columns of a table by name, for `Pairs`."""
    return {column.name: column for column in table.c}


class _Select:
    """A SELECT statement, compiled once for each dialect unless it has parameters that expand into lists.

    Its columns are put into the order of `names`, if given. Nothing is computed before the first use, since a process
    never runs most of its statements. The first use raises KeyError if a column is missing.
    """

    def __init__(self, statement: Select[Any], names: Sequence[str] = ()):
        self._given = statement
        self._names = names
        self._compiled: dict[str, _Compiled] = {}

    @cached_property
    def _statement(self) -> Select[Any]:
        if not self._names:
            return self._given
        columns = {str(column.key): column for column in self._given.selected_columns}
        return self._given.with_only_columns(
            *(columns[name] for name in self._names), maintain_column_froms=True
        )

    @cached_property
    def _expands(self) -> bool:
        return any(
            element.expanding
            for element in iterate(self._given)
            if isinstance(element, BindParameter)
        )

    def fetch(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """Return the values of all rows, converted by the statement's column types."""
        if self._expands:
            return connection.execute(self._statement, values).all()
        compiled = self._compiled.get(connection.dialect.name) or self._compile(connection.dialect)
        driver_connection = connection.connection.dbapi_connection
        assert driver_connection is not None
        cursor = driver_connection.cursor()
        try:
            cursor.execute(compiled.sql, compiled.parameters(values))
            return compiled.rows(cursor)
        finally:
            cursor.close()

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
        self._dialect = dialect
        self._types = [column.type.dialect_impl(dialect) for column in statement.selected_columns]
        self._processors: list[tuple[int, Callable[[Any], Any]]] | None = None

    def _positional(self, names: list[str]) -> Callable[[Mapping[str, Any]], Any]:
        constants = self._constants
        return lambda values: [
            values[name] if name in values else constants[name] for name in names
        ]

    def _named(self, values: Mapping[str, Any]) -> Any:
        return {**self._constants, **values}

    def rows(self, cursor: DBAPICursor) -> Sequence[Sequence[Any]]:
        """Return the converted rows of the cursor."""
        processors = self._processors
        if processors is None:
            # PostgreSQL's dialect chooses the processor by the type that a number was sent as.
            processors = self._processors = [
                (position, processor)
                for position, (type_, described) in enumerate(
                    zip(self._types, cursor.description, strict=True)
                )
                if (processor := type_.result_processor(self._dialect, described[1]))
            ]
        if not processors:
            return cursor.fetchall()
        found = []
        for row in cursor.fetchall():
            values = list(row)
            for position, process in processors:
                values[position] = process(values[position])
            found.append(values)
        return found
