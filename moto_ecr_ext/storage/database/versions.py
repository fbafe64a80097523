"""The version of a database's tables, and their migration to this package's version.

The row `schema_version` of the table `store` holds it, on every engine.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect

from moto_ecr_ext.storage.rows import tables

_VERSION = tables.store.c.name == "schema_version"


class StoreError(Exception):
    """The error of a store that cannot be opened. The message is for the user who chose its location."""


class SchemaVersionError(StoreError):
    """The error of a database that a newer version of this package has written, or one before the first release."""


def is_up_to_date(connection: Connection) -> bool:
    """Return True if the database has the tables of this version.

    Raises SchemaVersionError if they are those of a newer version, or of one before the first release.
    """
    return _version(connection) == tables.SCHEMA_VERSION


def bring_up_to_date(connection: Connection) -> None:
    """Create or migrate the tables of the database, keeping its rows.

    Call this in the only write transaction: a process that waited for it finds the work done.
    """
    version = _version(connection)
    if version is None:
        # An existing table of this name belongs to another program, which is an error.
        tables.metadata.create_all(connection, checkfirst=False)
        connection.execute(
            tables.store.insert(), {"name": "schema_version", "value": str(tables.SCHEMA_VERSION)}
        )
    elif version < tables.SCHEMA_VERSION:
        from .migrations import migrate  # Alembic is slow to import and seldom needed.

        migrate(connection, version)
        connection.execute(
            tables.store.update().where(_VERSION), {"value": str(tables.SCHEMA_VERSION)}
        )


def _version(connection: Connection) -> int | None:
    """Return the version of the tables, or None for an empty database."""
    if not inspect(connection).has_table(tables.store.name):
        return None
    version = int(connection.execute(tables.store.select().where(_VERSION)).one().value)
    if version > tables.SCHEMA_VERSION:
        raise SchemaVersionError(
            f"The data was written by a newer moto_ecr_ext (schema version {version}; "
            f"this one knows {tables.SCHEMA_VERSION}). Nothing was changed. "
            "Upgrade moto_ecr_ext, or use another directory or database."
        )
    if version < tables.FIRST_SCHEMA_VERSION:
        raise SchemaVersionError(
            f"The data was written by an unreleased moto_ecr_ext (schema version {version}; "
            f"the first released one is {tables.FIRST_SCHEMA_VERSION}). Nothing was changed. "
            "Use another directory or database."
        )
    return version
