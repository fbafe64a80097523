"""Makes a process the next version of the package, with a column, a table and an index more.

A process that starts with this folder on its PYTHONPATH migrates the data of this version, by a migration that is
found as those of the package are.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, String, Table

from moto_ecr_ext.storage.database import migrations
from moto_ecr_ext.storage.rows import tables


def columns_of_nicknames() -> list[Any]:
    """The columns and the index of the new table."""
    repository = ForeignKey("repositories.id", ondelete="CASCADE")
    return [
        Column("repository_id", tables.repositories.c.id.type, repository, primary_key=True),
        Column("nickname", String, nullable=False),
        Index("nicknames_by_name", "nickname"),
    ]


def upgrade(op: Any) -> None:
    """Give each repository a nickname, in a table and in a column."""
    op.create_table("nicknames", *columns_of_nicknames())
    op.execute("INSERT INTO nicknames SELECT id, upper(name) FROM repositories")
    op.add_column("repositories", Column("nickname", String))
    op.execute("UPDATE repositories SET nickname = upper(name)")


tables.SCHEMA_VERSION += 1
Table("nicknames", tables.metadata, *columns_of_nicknames())
tables.repositories.append_column(Column("nickname", String))
migration = ModuleType(f"{migrations.__name__}.version_{tables.SCHEMA_VERSION}")
migration.upgrade = upgrade  # type: ignore[attr-defined]
sys.modules[migration.__name__] = migration
