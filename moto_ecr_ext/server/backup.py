"""Backup: a copy of a data directory, made while servers use it.

The copy is a data directory, too. It holds the registry as of one moment: SQLite's own backup of the rows, and each
blob that they name. Unfinished uploads are left out.

Blobs are copied first, which may take long but blocks nobody. Then one write transaction, during which no server
commits or frees a blob, copies the rows and the few new blobs. Finally, blobs that the rows no longer name are removed.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from moto_ecr_ext.settings import StoreLocation
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.directory.files import (
    make_directories,
    open_private,
    remove,
    sync,
    sync_directory,
)
from moto_ecr_ext.storage.blobs.directory.store import DirectoryBlobStore
from moto_ecr_ext.storage.blobs.names import path_of_blob
from moto_ecr_ext.storage.database.sqlite import FileDatabase
from moto_ecr_ext.storage.database.versions import StoreError
from moto_ecr_ext.storage.integrity import Damage, find_incomplete
from moto_ecr_ext.storage.opening import file_of_database
from moto_ecr_ext.storage.progress import tick, work
from moto_ecr_ext.storage.store import Store

# Errors of link(2) if a second name is impossible: on another file system, or on one without links.
_NO_LINK = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
_ROWS = "registry.sqlite"
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Backup:
    """The size of a copy. `missing` are the digests of blobs that rows name and the source does not have.

    `incomplete` are the images whose layers their repository does not hold.
    """

    blobs: int
    bytes: int
    missing: list[str]
    incomplete: list[Damage]


def back_up(location: StoreLocation, target: Path) -> Backup:
    """Copy the registry at `location` to the directory `target`, which is empty or is created.

    Raises StoreError if the registry is not in files, if `target` is in the data directory, is not empty or cannot be
    created, and if copying fails. What has been copied then is left there.
    """
    with closing(Store.open_existing(location)) as source:
        file, blobs = file_of_database(location), source.blobs
        if file is None or not isinstance(blobs, DirectoryBlobStore):
            raise StoreError(
                "Only a data directory can be backed up. Back up PostgreSQL with pg_dump, and then its blobs."
            )
        if location.data_dir is not None and target.is_relative_to(location.data_dir):
            raise StoreError(f"{target} is in the data directory. Give a directory elsewhere.")
        _make_target(target)
        with _leaving_it_incomplete(target):
            copies = _Copies(blobs, target / "blobs")
            copies.add(blobs.digests())
            new_file = target / f"{_ROWS}.new"
            with source.database.write():
                sizes = _copy_rows(file, new_file)
                incomplete = list(find_incomplete(source))
                copies.add(sizes)
            return _finish(target, new_file, copies, sizes, incomplete)


@contextmanager
def _leaving_it_incomplete(target: Path) -> Iterator[None]:
    """Say that the copy is incomplete if this block fails or is interrupted."""
    said = f"The copy in {target} is incomplete"
    try:
        yield
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{said}. Remove it.") from None
    except OSError as error:
        reason = f"{error.strerror} ({error.filename})" if error.filename else error.strerror
        raise StoreError(f"{said}: {reason}. Remove it, and try again.") from error
    except (DBAPIError, sqlite3.Error) as error:
        reason = str(getattr(error, "orig", error))
        raise StoreError(f"{said}: {reason}. Remove it, and try again.") from error


def _make_target(target: Path) -> None:
    """Create the directory of a copy. Raises StoreError if that fails, or if it is not empty."""
    try:
        make_directories(str(target))
        is_empty = not any(target.iterdir())
    except FileExistsError:
        raise StoreError(f"{target} is a file. Give a directory that is empty or new.") from None
    except OSError as error:
        raise StoreError(f"{target} cannot be used: {error.strerror}.") from error
    if not is_empty:
        raise StoreError(f"{target} is not empty. Give a directory that is empty or new.")


def _finish(
    target: Path,
    new_file: Path,
    copies: _Copies,
    sizes: dict[str, int],
    incomplete: list[Damage],
) -> Backup:
    """Flush a copy to disk, without blobs that its rows do not name. Give it the name of a registry last."""
    copies.keep_only(sizes.keys())
    os.replace(new_file, target / _ROWS)
    sync_directory(str(target))
    there = copies.there & sizes.keys()
    missing = sorted(sizes.keys() - there)
    return Backup(len(there), sum(sizes[each] for each in there), missing, incomplete)


def _copy_rows(file: Path, copy: Path) -> dict[str, int]:
    """Copy a database without its uploads. Return the sizes of the blobs that it names, by digest."""
    with open(copy, "xb", opener=open_private):
        pass  # The file holds the key that signs passwords.
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
        """Copy blobs that are not copied yet. Skip those that the source does not have."""
        to_copy = [each for each in digests if each not in self.there]
        if not to_copy:
            return
        with work("Blobs", len(to_copy), "blobs") as running:
            for digest in to_copy:
                if self._add(self._source.path(digest), digest):
                    self.there.add(digest)
                running.advance()

    def keep_only(self, digests: Iterable[str]) -> None:
        """Remove all other blobs, and flush the rest to disk."""
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
            return False  # The blob was freed meanwhile.
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            return _copy_file(source, path)
        return True

    def _path(self, digest: str) -> str:
        return os.path.join(self._target, path_of_blob(digest))


def _copy_file(source: str, target: str) -> bool:
    """Copy a file, and flush the copy to disk. Return False if there is no such file."""
    try:
        with open(source, "rb") as file, open(target, "xb", opener=open_private) as copy:
            while piece := file.read(_PIECE):
                copy.write(piece)
                tick()
            copy.flush()
            sync(copy.fileno())
    except FileNotFoundError:
        return False
    return True
