"""Changes of the tables from one version to the next, each in a module named for the version it makes.

They say what the tables were when they were written, and so share nothing with `tables`.
"""

from __future__ import annotations

from importlib import import_module

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection

from moto_ecr_ext.storage.progress import ticking, work
from moto_ecr_ext.storage.rows import tables


def migrate(connection: Connection, version: int) -> None:
    """Change the tables of an earlier version into those of this one, and their rows.

    It happens within the transaction that is open: both engines can undo changes of tables.
    """
    operations = Operations(MigrationContext.configure(connection))
    following = range(version + 1, tables.SCHEMA_VERSION + 1)
    name = f"Migration to version {tables.SCHEMA_VERSION}"
    with work(name, len(following), "steps") as running, ticking(connection, running):
        for each in following:
            import_module(f"{__name__}.version_{each}").upgrade(operations)
            running.advance()
