"""What reads and changes rows: a view of them, and a transaction over them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, CursorResult, Executable, Insert, Table
from sqlalchemy.exc import IntegrityError


class RowRefused(Exception):
    """A constraint refuses a row: there is one with its key, or the row that it belongs to is gone."""


class View:
    """One consistent view of the rows, which `Query` reads."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection) -> None:
        self.connection = connection


class Transaction(View):
    """One transaction that changes rows: all of it happens, or nothing."""

    __slots__ = ("_followers", "_gathered")

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._followers: list[Callable[[], None]] = []
        self._gathered: dict[Callable[[list[str]], None], list[str]] = {}

    @property
    def followers(self) -> Sequence[Callable[[], None]]:
        """The calls that follow the commit, in the order in which they were asked for."""
        return self._followers

    def after_commit(self, follow: Callable[[], None]) -> None:
        """Have `follow` called once this transaction is committed; never if it is undone."""
        self._followers.append(follow)

    def gather(self, follow: Callable[[list[str]], None], values: Iterable[str]) -> None:
        """Have `follow` called once after the commit, with all values that are gathered for it by then."""
        gathered = self._gathered.get(follow)
        if gathered is None:
            gathered = self._gathered[follow] = []
            self.after_commit(lambda: follow(gathered))
        gathered.extend(values)

    def insert(self, table: Table, row: Mapping[str, Any]) -> Any:
        """Add a row and return its primary key, or the first column of it.

        Raises RowRefused.
        """
        try:
            key = self._execute(_insert(table), row).inserted_primary_key
        except IntegrityError as error:
            raise RowRefused(table.name) from error
        return key[0] if key else None

    def insert_all(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add rows, which may be none."""
        if rows:
            self._execute(_insert(table), rows)

    def change(self, statement: Executable, /, **values: Any) -> int:
        """Run an UPDATE, a DELETE or an INSERT from a SELECT, and return the number of rows that it changed."""
        return self._execute(statement, values).rowcount

    def change_each(self, statement: Executable, values: Sequence[Mapping[str, Any]]) -> None:
        """Run an UPDATE or a DELETE once for each of `values`, which may be none."""
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
