"""Opening the database and the blob store at a location.

Flags and variables give the location: a data directory, or a database and blobs, or nothing, which means memory.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from moto_ecr_ext.platforms.files import DirectoryUnusable
from moto_ecr_ext.settings import StoreLocation

from .blobs.directory.files import make_directories
from .blobs.directory.store import DirectoryBlobStore
from .blobs.memory import MemoryBlobStore
from .blobs.store import BlobStore
from .database.base import Database
from .database.opening import database_at, file_at
from .database.sqlite import FileDatabase, MemoryDatabase
from .database.versions import StoreError

_ROWS = "registry.sqlite"
# The files by which a data directory is recognized.
_MARKS = {_ROWS, "owner"}
_OURS = {*_MARKS, "blobs", "uploads", "tls", "lock"}
# The most names of other files in an error.
_SHOWN = 3


def check_lifetimes(location: StoreLocation) -> None:
    """Raise StoreError if rows would outlive the blobs, or blobs the rows, and so be deleted as orphans."""
    rows_are_kept = location.data_dir is not None or location.database is not None
    bytes_are_kept = location.blobs != "memory:" and (
        location.data_dir is not None or location.blobs is not None
    )
    if rows_are_kept != bytes_are_kept:
        raise StoreError("Give a database and blobs together, or a data directory.")


def make_data_directory(directory: Path) -> None:
    """Create the data directory if it does not exist.

    Raises StoreError if that fails, or if the directory has other files and no registry.
    """
    try:
        make_directories(str(directory))
    except FileExistsError:
        raise StoreError(
            f"{directory} is a file. Give --data-dir a directory that is empty or new."
        ) from None
    except OSError as error:
        raise StoreError(f"{directory} cannot be created: {error.strerror}.") from error
    names = set(os.listdir(directory))
    foreign = sorted(
        name for name in names - _OURS if not name.startswith(".") and name != "lost+found"
    )
    if foreign and names.isdisjoint(_MARKS):
        raise StoreError(
            f"{directory} is not empty and has no registry, but {_some(foreign)}. "
            "Give --data-dir a directory that is empty or new."
        )


def _some(names: Sequence[str]) -> str:
    """Return the first names, and the number of the others."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


@contextmanager
def naming_what_cannot_be_opened(location: StoreLocation) -> Iterator[None]:
    """Raise StoreError if the database fails in this block, with its name and the reason in one line.

    Raise it also if the platform cannot use a directory.
    """
    try:
        yield
    except DirectoryUnusable as error:
        raise StoreError(str(error)) from None
    except (DBAPIError, sqlite3.Error) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise StoreError(f"{name_of_database(location)} cannot be opened: {reason}") from error


def name_of_database(location: StoreLocation) -> str:
    """Return the URL or the file of a database, without its password."""
    if location.database is not None:
        return make_url(location.database).render_as_string(hide_password=True)
    return str(file_of_database(location))


def file_of_database(location: StoreLocation) -> Path | None:
    """Return the file of the database, which need not exist; None if it is not a file."""
    if location.database is not None:
        return file_at(location.database)
    return None if location.data_dir is None else location.data_dir / _ROWS


def open_database(location: StoreLocation) -> Database:
    """Open the database at a location: at its URL, in the data directory, or in memory."""
    if location.database is not None:
        return database_at(location.database)
    file = file_of_database(location)
    return MemoryDatabase.new() if file is None else FileDatabase.at(file)


def open_blobs(location: StoreLocation) -> BlobStore:
    """Open the blob store at a location. Raises StoreError for an unsupported URL."""
    place = location.blobs
    if place is None and location.data_dir is not None:
        return DirectoryBlobStore(location.data_dir)
    if place is None or place == "memory:":
        return MemoryBlobStore()
    if place.startswith("s3://"):
        from .blobs.s3.store import S3BlobStore  # boto3 is slow to import.

        return S3BlobStore.at(place)
    # `C:/…` of Windows is not a URL.
    if re.match(r"[a-zA-Z0-9+.-]*:/", os.path.splitdrive(place)[1]):
        raise StoreError(
            f"{place} is not a supported place for blobs. Supported: a directory and s3://BUCKET/PREFIX."
        )
    try:
        return DirectoryBlobStore(Path(place))
    except (FileExistsError, NotADirectoryError):
        raise StoreError(f"{place} is a file. Give --blobs a directory.") from None
    except OSError as error:
        raise StoreError(f"{place} cannot be used for blobs: {error.strerror}.") from error


def blobs_of_another_database(location: StoreLocation) -> StoreError:
    """Return the error for blobs that another database holds."""
    place = location.blobs or location.data_dir
    if location.database is None and location.blobs is None:
        return StoreError(
            f"{place} has the blobs of another database: its {_ROWS} is missing or another. "
            "Put that file back, or use an empty directory."
        )
    return StoreError(
        f"{place} has the blobs of another database. Give each a separate place, or empty {place} "
        "if that database no longer exists."
    )
