"""Views, which read rows, and transactions, which change them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Insert, Table
from sqlalchemy.exc import IntegrityError


class RowRefused(Exception):
    """The error of a row that violates a constraint: its key exists, or the row that it refers to does not."""


class View:
    """One consistent view of the rows, which `Query` reads."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Transaction(View):
    """One transaction that changes rows: all changes happen, or none."""

    __slots__ = ("_calls", "_gathered")

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._calls: list[Callable[[], None]] = []
        self._gathered: dict[Callable[[list[str]], None], list[str]] = {}

    @property
    def calls_after_commit(self) -> Sequence[Callable[[], None]]:
        """The calls that follow the commit, in the order of their registration."""
        return self._calls

    def after_commit(self, follow: Callable[[], None]) -> None:
        """Call `follow` once this transaction is committed; never if it is undone."""
        self._calls.append(follow)

    def gather(self, follow: Callable[[list[str]], None], values: Iterable[str]) -> None:
        """Call `follow` once after the commit, with all values that are gathered for it by then."""
        gathered = self._gathered.get(follow)
        if gathered is None:
            gathered = self._gathered[follow] = []
            self.after_commit(lambda: follow(gathered))
        gathered.extend(values)

    def insert(self, table: Table, row: Mapping[str, Any]) -> Any:
        """Add a row and return its primary key, or the first column of the key.

        Raises RowRefused if a constraint is violated.
        """
        try:
            key = self._execute(_insert(table), row).inserted_primary_key
        except IntegrityError as error:
            raise RowRefused(table.name) from error
        return key[0] if key else None

    def insert_all(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows. `rows` may be empty."""
        if rows:
            self._execute(_insert(table), rows)

    def change(self, statement: Executable, /, **values: Any) -> int:
        """Run an UPDATE, a DELETE or an INSERT from a SELECT, and return the number of changed rows."""
        return self._execute(statement, values).rowcount

    def change_each(self, statement: Executable, values: Sequence[Mapping[str, Any]]) -> None:
        """Run an UPDATE or a DELETE once for each of `values`, which may be empty."""
        if values:
            self._execute(statement, values)

    def _execute(
        self, statement: Executable, values: Mapping[str, Any] | Sequence[Mapping[str, Any]]
    ) -> CursorResult[Any]:
        result: Any = self.connection.execute(statement, values)
        found: CursorResult[Any] = result
        return found


@cache
def _insert(table: Table) -> Insert:
    return table.insert()
