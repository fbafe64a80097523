"""The store: one database and one blob store, shared by all registries of the process.

A blob's bytes are committed and deleted inside the write transaction that adds or checks its
membership rows. The database admits one writer at a time, so a blob cannot be deleted between its
commit and its first member.
"""

from __future__ import annotations

import logging
import re
import secrets
import sqlite3
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.settings import StoreLocation, store_location

from . import rows
from .blobs.blob import Blob
from .blobs.directory.files import make_directories
from .blobs.directory.store import DirectoryBlobStore
from .blobs.errors import BlobDamaged
from .blobs.memory import MemoryBlobStore
from .blobs.store import BlobStore
from .counts import Counts
from .database.base import Database
from .database.opening import database_at, file_at
from .database.sqlite import FileDatabase, MemoryDatabase
from .database.transaction import Transaction
from .database.versions import StoreError
from .due import Schedule
from .pulls import PendingPulls

log = logging.getLogger("moto_ecr_ext")


class Store:
    """All that is kept, wherever it is kept."""

    def __init__(self, database: Database, blobs: BlobStore):
        self.database = database
        self.blobs = blobs
        self.pulls = PendingPulls(database)
        self.counts = Counts()
        self.schedule = Schedule(database.later)
        self.signing_key = self._signing_key()

    @classmethod
    def open(cls, location: StoreLocation) -> Store:
        """The store at `location`, made if it is not there, without what a killed process has left.

        Raises StoreError when it cannot be opened: SchemaVersionError when it is newer than this
        package.
        """
        _check_lifetimes(location)
        if location.data_dir is not None:
            make_directories(str(location.data_dir))
        with naming_what_cannot_be_opened(location):
            store = cls._at(location)
            store._remove_orphans()
        return store

    @classmethod
    def found(cls, location: StoreLocation) -> Store:
        """The store that is at `location`, as it was left.

        Raises StoreError when it cannot be opened or there is none.
        """
        if location.database is None and location.data_dir is None:
            raise StoreError("There is no registry in memory.")
        _check_lifetimes(location)
        file = _file_of_database(location)
        if file is not None and not file.is_file():
            raise StoreError(f"There is no registry in {location.database or location.data_dir}.")
        with naming_what_cannot_be_opened(location):
            return cls._at(location)

    @classmethod
    def _at(cls, location: StoreLocation) -> Store:
        store = cls(_open_database(location), _open_blobs(location))
        try:
            store._claim_blobs(location)
        except BaseException:
            store.close()
            raise
        return store

    def clear(self) -> None:
        """Empty every registry: rows, then bytes, so that no row is ever without its bytes."""
        with self.database.write() as transaction:
            rows.store.empty_registries(transaction)
        self._remove_orphans()
        self.pulls.forget()
        self.counts.clear()

    def close(self) -> None:
        self.pulls.try_to_write()
        self.database.close()

    def open_blob(self, digest: str, size: int) -> Blob:
        """A blob that rows say has this size.

        Raises BlobNotFound where it is not there, or its bytes are others than they were; the log says so.
        """
        try:
            blob = self.blobs.open(digest)
            if blob.size != size:
                blob.close()
                raise BlobDamaged(digest)
        except BlobDamaged:
            _log_damage(digest)
            raise
        return blob

    def size_of_blob(self, digest: str, size: int) -> int:
        """The size that rows say, where the blob is there. Raises BlobNotFound as `open_blob` does."""
        try:
            if self.blobs.size(digest) != size:
                raise BlobDamaged(digest)
        except BlobDamaged:
            _log_damage(digest)
            raise
        return size

    def cancel_upload(self, upload_id: str) -> None:
        """Remove the bytes of an upload whose row is gone. Where that fails, the next start does it."""
        try:
            self.blobs.cancel(upload_id)
        except OSError:
            log.exception("The bytes of upload %s, which has ended, were not removed", upload_id)

    def release_after_commit(self, transaction: Transaction, digests: Collection[str]) -> None:
        """Free the bytes of those blobs that no repository holds any more, once the transaction is committed."""
        if digests:
            transaction.after_commit(lambda: self._release(digests))

    def _release(self, digests: Collection[str]) -> None:
        with self.database.write() as transaction:
            held = rows.blobs.held_anywhere(transaction, list(digests))
            for digest in digests:
                if digest not in held:
                    self.blobs.delete(digest)

    def _remove_orphans(self) -> None:
        """Remove bytes without members and parts without an upload, as a killed process leaves."""
        with self.database.write() as transaction:
            for digest in set(self.blobs.digests()) - rows.blobs.digests(transaction):
                self.blobs.delete(digest)
            uploads = rows.integrity.received_of_uploads(transaction)
            for upload_id in set(self.blobs.upload_ids()) - uploads.keys():
                self.blobs.cancel(upload_id)

    def _claim_blobs(self, location: StoreLocation) -> None:
        """Raise StoreError where the blobs are another database's, all of which would be orphans here.

        A place is easily given to two servers that have a database each, or to a new database.
        """
        # A name that is the database's alone, and tells nobody its key.
        name = Digest.of(self.signing_key)
        # When another server of this database starts, it waits, and so does its removing of orphans.
        with self.database.write() as transaction:
            # Directories of version 1 have no note of it.
            if self.blobs.owner() is None and (
                rows.blobs.are_there(transaction) or not any(self.blobs.digests())
            ):
                self.blobs.claim(name)
        if self.blobs.owner() != name:
            place = location.blobs or location.data_dir
            raise StoreError(
                f"{place} has the blobs of another database. Give each a place of its own, or "
                f"empty {place} where that database is no more."
            )

    def _signing_key(self) -> bytes:
        with self.database.write() as transaction:
            key = rows.store.signing_key(transaction)
            if key is None:
                key = secrets.token_hex(32)
                rows.store.store_signing_key(transaction, key)
        return bytes.fromhex(key)


def _log_damage(digest: str) -> None:
    log.error(
        "Blob %s is damaged and answered as missing, until it is pushed again; "
        "`moto_ecr_server --check` finds all that are",
        digest,
    )


def _check_lifetimes(location: StoreLocation) -> None:
    """Raise StoreError where rows would outlive the bytes, or bytes the rows and so be removed as orphans."""
    rows_are_kept = location.data_dir is not None or location.database is not None
    bytes_are_kept = location.blobs != "memory:" and (
        location.data_dir is not None or location.blobs is not None
    )
    if rows_are_kept != bytes_are_kept:
        raise StoreError("Give a database and blobs together, or a data directory.")


@contextmanager
def naming_what_cannot_be_opened(location: StoreLocation) -> Iterator[None]:
    """Raise StoreError where the database fails in this block, with its name and the reason in one line."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        reason = " ".join(str(getattr(error, "orig", error)).split())
        raise StoreError(f"{_name_of_database(location)} cannot be opened: {reason}") from error


def is_failure_of_storage(error: Exception) -> bool:
    """Whether a call failed because its bytes or rows could not be read or written: a full disk, say."""
    psycopg = sys.modules.get("psycopg")
    drivers = (sqlite3.Error, psycopg.Error) if psycopg else (sqlite3.Error,)
    return isinstance(error, (OSError, DBAPIError, *drivers))


def _name_of_database(location: StoreLocation) -> str:
    if location.database is not None:
        return make_url(location.database).render_as_string(hide_password=True)
    return str(_file_of_database(location))


def _file_of_database(location: StoreLocation) -> Path | None:
    """The file that the database is or would be; None where it is none."""
    if location.database is not None:
        return file_at(location.database)
    return None if location.data_dir is None else location.data_dir / "registry.sqlite"


def _open_database(location: StoreLocation) -> Database:
    if location.database is not None:
        return database_at(location.database)
    file = _file_of_database(location)
    return MemoryDatabase.new() if file is None else FileDatabase.at(file)


def _open_blobs(location: StoreLocation) -> BlobStore:
    place = location.blobs
    if place is None and location.data_dir is not None:
        return DirectoryBlobStore(location.data_dir)
    if place is None or place == "memory:":
        return MemoryBlobStore()
    if place.startswith("s3://"):
        from .blobs.s3.store import S3BlobStore  # boto3 takes a while to import.

        return S3BlobStore.at(place)
    if re.match(r"[a-zA-Z0-9+.-]*:/", place):
        raise StoreError(
            f"{place} is not a place for blobs that can be used. Supported: a directory and s3://BUCKET/PREFIX."
        )
    return DirectoryBlobStore(Path(place))


_lock = threading.Lock()
_open: tuple[StoreLocation, Store] | None = None


def current_store() -> Store:
    """The one store of the process, opened where the settings say when it is first asked for."""
    global _open
    with _lock:
        location = store_location()
        if _open is None or _open[0] != location:
            if _open is not None:
                _open[1].close()
            _open = location, Store.open(location)
        return _open[1]


def close_current_store() -> None:
    """Let go of the store.

    What it kept in memory is gone; what it kept in a directory is there for the next.
    """
    global _open
    with _lock:
        if _open is not None:
            _open[1].close()
        _open = None
