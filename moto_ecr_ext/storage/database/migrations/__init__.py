"""Migrations of the tables from one version to the next.

Each is a module of this package, named for the version that it creates: the function `upgrade` of `version_4` changes
the tables and rows of version 3 by Alembic's operations. A migration describes the tables as of its version, and so
shares no code with `tables`. Version 3 is the first; nothing migrates to it.
"""

from __future__ import annotations

from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from moto_ecr_ext.storage.progress import ticking, work
from moto_ecr_ext.storage.rows import tables


def migrate(connection: Connection, version: int) -> None:
    """Migrate the tables of an earlier version, and their rows, to this version.

    This runs in the open transaction: both engines can undo changes of tables.
    """
    operations = Operations(MigrationContext.configure(connection))
    following = range(version + 1, tables.SCHEMA_VERSION + 1)
    name = f"Migration to version {tables.SCHEMA_VERSION}"
    with work(name, len(following), "steps") as running, ticking(connection, running):
        for each in following:
            import_module(f"{__name__}.version_{each}").upgrade(operations)
            running.advance()
