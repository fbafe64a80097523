"""The statements of storage/rows, which are computed at their first use."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, NamedTuple

import pytest
from sqlalchemy import Dialect, select
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite

from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.queries import Pairs, Query, Scalars
from moto_ecr_ext.storage.database.sqlite import MemoryDatabase
from moto_ecr_ext.storage.rows.tables import repositories


def _queries() -> dict[str, Any]:
    found = {}
    for module in pkgutil.iter_modules(rows.__path__, f"{rows.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, (Query, Scalars, Pairs)):
                found[f"{module.name.rpartition('.')[2]}.{name}"] = value
    return found


@pytest.mark.parametrize(
    "dialect", [pysqlite.dialect(), psycopg.dialect()], ids=lambda each: each.name
)
def test_every_query_has_the_columns_of_its_row(dialect: Dialect) -> None:
    """Each query has a column for each field; one without would fail when a rarely used operation first runs."""
    queries = _queries()
    assert len(queries) > 50
    for name, query in queries.items():
        # Private, since each query runs with separate values. A statement is made from the fields at its first use.
        statement = query._select._statement
        assert str(statement.compile(dialect=dialect)).startswith("SELECT"), name
        names = query._select._names
        assert [each.key for each in statement.selected_columns][: len(names)] == [*names], name


def test_a_field_without_a_column() -> None:
    """A NamedTuple with a field that the SELECT lacks raises KeyError with the field's name."""

    class Row(NamedTuple):
        name: str
        colour: str

    query = Query(Row, select(repositories.c.name))
    database = MemoryDatabase.new()
    try:
        with database.read() as view, pytest.raises(KeyError, match="colour"):
            query.all(view)
    finally:
        database.close()


def test_columns_are_mapped_by_name() -> None:
    """A row's fields are found by name, whatever the order of the SELECT's columns."""

    class Row(NamedTuple):
        name: str
        region: str
        account_id: str

    query = Query(
        Row, select(repositories.c.account_id, repositories.c.region, repositories.c.name)
    )
    assert [column.key for column in query._select._statement.selected_columns] == list(Row._fields)
