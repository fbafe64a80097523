"""The version of the tables that a database has, and how it comes to be this package's.

The row `schema_version` of the table `store` says it, on every engine.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from moto_ecr_ext.storage.rows import tables

_VERSION = tables.store.c.name == "schema_version"


class StoreError(Exception):
    """The store cannot be opened. The message is for the person who chose its place."""


class SchemaVersionError(StoreError):
    """The database was written by a version of this package that knows more than this one."""


def is_up_to_date(connection: Connection) -> bool:
    """Return whether the database has the tables of this version.

    Raises SchemaVersionError when they are those of a later one.
    """
    return _version(connection) == tables.SCHEMA_VERSION


def bring_up_to_date(connection: Connection) -> None:
    """Give the database the tables of this version, keeping the rows it has.

    The transaction has to be the only one that writes: whoever waited for it finds the work done.
    """
    version = _version(connection)
    if version is None:
        # A table of this name that is there already is somebody else's, which is an error.
        tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(
            tables.store.insert(), {"name": "schema_version", "value": str(tables.SCHEMA_VERSION)}
        )
    elif version < tables.SCHEMA_VERSION:
        from .migrations import migrate  # Alembic takes a while to import, and is seldom needed.

        migrate(connection, version)
        connection.execute(
            tables.store.update().where(_VERSION), {"value": str(tables.SCHEMA_VERSION)}
        )


def _version(connection: Connection) -> int | None:
    """Return the version of the schema in the database; None if it has none yet."""
    if not inspect(connection).has_table(tables.store.name):
        return None
    version = int(connection.execute(tables.store.select().where(_VERSION)).one().value)
    if version > tables.SCHEMA_VERSION:
        raise SchemaVersionError(
            f"The data was written by a newer moto_ecr_ext (schema version {version}; "
            f"this one knows {tables.SCHEMA_VERSION}). Nothing was changed. "
            "Upgrade moto_ecr_ext, or use another directory or database."
        )
    return version
