"""The database at a URL."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from .base import Database
from .postgresql import PostgreSQLDatabase
from .sqlite import FileDatabase
from .versions import StoreError

_URLS = "Supported: postgresql+psycopg://USER@HOST/NAME and sqlite:////PATH."


def database_at(text: str) -> Database:
    """Open the database at a URL, of PostgreSQL or of a SQLite file.

    Raises StoreError for any other URL, and if the database or its driver is missing. Raises SchemaVersionError, having
    changed nothing, for a database of a newer version, or of an unreleased one.
    """
    url = _url(text)
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        return PostgreSQLDatabase.reach(url.set(drivername="postgresql+psycopg"))
    file = file_at(text)
    if file is not None:
        return FileDatabase.at(file)
    raise StoreError(f"{url.render_as_string()} is not a supported database. {_URLS}")


def file_at(text: str) -> Path | None:
    """Return the SQLite file of a database's URL, or None for another database.

    Raises StoreError for a malformed URL.
    """
    url = _url(text)
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database and not url.query:
        return Path(url.database)
    return None


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # An invalid port raises ValueError.
        raise StoreError(f"The database is not a URL. {_URLS}") from None
