"""Which database a URL is of."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from .base import Database
from .sqlite import FileDatabase
from .versions import StoreError

_URLS = "Supported: postgresql+psycopg://USER@HOST/NAME and sqlite:////PATH."


def database_at(text: str) -> Database:
    """Open the database at a URL, of PostgreSQL or of a SQLite file.

    Raises StoreError for any other, and when what is needed to reach it is not installed or not
    there; SchemaVersionError, having changed nothing, when this package does not know enough.
    """
    url = _url(text)
    if url.drivername in ("postgresql", "postgresql+psycopg"):
        from .postgresql import PostgreSQLDatabase  # psycopg is installed for servers only.

        return PostgreSQLDatabase.reach(url.set(drivername="postgresql+psycopg"))
    file = file_at(text)
    if file is not None:
        return FileDatabase.at(file)
    raise StoreError(f"{url.render_as_string()} is not a database that can be used. {_URLS}")


def file_at(text: str) -> Path | None:
    """Return the SQLite file that a URL of a database is of; None for another database.

    Raises StoreError for a malformed URL.
    """
    url = _url(text)
    if url.drivername in ("sqlite", "sqlite+pysqlite") and url.database and not url.query:
        return Path(url.database)
    return None


def _url(text: str) -> URL:
    try:
        return make_url(text)
    except (ArgumentError, ValueError):  # ValueError is that of a port.
        raise StoreError(f"The database is not given by a URL. {_URLS}") from None
