"""A copy of a data directory, made while servers use it.

The copy is a data directory itself. It is what the registry was at one moment: SQLite's own backup of the rows, and
each blob that they name. Uploads that were not finished are left out.

Blobs come first, which may take long and holds nobody up. Then, in one write transaction, in which no server commits or
frees a blob, come the rows and the few blobs that are new since. What the rows do not name any more goes at the end.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from moto_ecr_ext.settings import StoreLocation

from . import rows
from .blobs.directory.files import (
    make_directories,
    open_private,
    remove,
    sync,
    sync_directory,
)
from .blobs.directory.store import DirectoryBlobStore
from .blobs.names import path_of_blob
from .database.sqlite import FileDatabase
from .database.versions import StoreError
from .opening import file_of_database, naming_what_cannot_be_opened
from .store import Store

# What link(2) fails with where a file cannot have another name there: on another file system, or on one without links.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
_ROWS = "registry.sqlite"


@dataclass(frozen=True)
class Backup:
    """What a copy has. `missing` are the digests of blobs that rows name and the source does not have."""

    blobs: int
    bytes: int
    missing: list[str]


def back_up(location: StoreLocation, target: Path) -> Backup:
    """Copy the registry at `location` to the directory `target`, which is empty or is made.

    A file system may be full: OSError. Raises StoreError if the registry is not in files, or the target has something.
    """
    with closing(Store.found(location)) as source, naming_what_cannot_be_opened(location):
        file, blobs = file_of_database(location), source.blobs
        if file is None or not isinstance(blobs, DirectoryBlobStore):
            raise StoreError(
                "Only a data directory is backed up by this. Back up PostgreSQL by pg_dump, and then its blobs."
            )
        make_directories(str(target))
        if any(target.iterdir()):
            raise StoreError(f"{target} is not empty.")
        copies = _Copies(blobs, target / "blobs")
        copies.add(blobs.digests())
        new_file = target / f"{_ROWS}.new"
        with source.database.write():
            sizes = _copy_rows(file, new_file)
            copies.add(sizes)
    return _finish(target, new_file, copies, sizes)


def _finish(target: Path, new_file: Path, copies: _Copies, sizes: dict[str, int]) -> Backup:
    """Put a copy on disk, without what its rows do not name. Only now it has the name of a registry."""
    copies.keep_only(sizes.keys())
    os.replace(new_file, target / _ROWS)
    sync_directory(str(target))
    there = copies.there & sizes.keys()
    return Backup(len(there), sum(sizes[each] for each in there), sorted(sizes.keys() - there))


def _copy_rows(file: Path, copy: Path) -> dict[str, int]:
    """Copy a database without its uploads. Return the blobs that it names, with their sizes."""
    with open(copy, "xb", opener=open_private):
        pass  # It has the key that signs passwords.
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    with closing(FileDatabase.at(copy)) as database:
        with database.write() as transaction:
            for upload_id in rows.integrity.received_of_uploads(transaction):
                rows.integrity.delete_upload(transaction, upload_id)
        with database.read() as view:
            return {each.digest: each.largest for each in rows.blobs.sizes(view)}


class _Copies:
    """The blobs of a copy."""

    def __init__(self, source: DirectoryBlobStore, target: Path) -> None:
        self._source = source
        self._target = target
        self._directories: set[str] = set()
        self.there: set[str] = set()

    def add(self, digests: Iterable[str]) -> None:
        """Copy those of the blobs that are not copied yet, and that the source has."""
        for digest in digests:
            if digest not in self.there and self._add(self._source.path(digest), digest):
                self.there.add(digest)

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove all other blobs, and put what remains on disk."""
        for digest in self.there.difference(digests):
            remove(self._path(digest))
        for each in self._directories:
            sync_directory(each)

    def _add(self, source: str, digest: str) -> bool:
        path = self._path(digest)
        directory = os.path.dirname(path)
        if directory not in self._directories:
            make_directories(directory)
            self._directories.add(directory)
        try:
            os.link(source, path)
        except FileNotFoundError:
            return False  # It was freed meanwhile.
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            return _copy_file(source, path)
        return True

    def _path(self, digest: str) -> str:
        return os.path.join(self._target, path_of_blob(digest))


def _copy_file(source: str, target: str) -> bool:
    """Copy a file, and put the copy on disk. Return whether there was one."""
    try:
        with open(source, "rb") as file, open(target, "xb", opener=open_private) as copy:
            shutil.copyfileobj(file, copy, 1024 * 1024)
            copy.flush()
            sync(copy.fileno())
    except FileNotFoundError:
        return False
    return True
