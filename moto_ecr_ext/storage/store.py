"""The store: one database and one blob store, shared by all registries of the process.

A blob's bytes are committed and deleted inside the write transaction that adds or checks its membership rows. The
database admits one writer at a time, so a blob cannot be deleted between its commit and its first member.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from itertools import repeat
from typing import TypeVar

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.platforms.processes import at_fork
from moto_ecr_ext.process import this_process
from moto_ecr_ext.settings import StoreLocation, store_location

from . import rows
from .beside import Beside
from .blobs.blob import BlobReader
from .blobs.errors import BlobDamaged, BlobNotFound
from .blobs.store import BlobStore
from .cleaning import Cleaning
from .counts import Counts
from .database.base import REST_TIMEOUT, Database
from .database.transaction import Transaction, View
from .database.versions import StoreError
from .due import AT_ONCE, NEVER, Schedule
from .forks import fork_safe_lock, rest_while_forking
from .journal import CallJournal
from .opening import (
    blobs_of_another_database,
    check_lifetimes,
    file_of_database,
    make_data_directory,
    naming_what_cannot_be_opened,
    open_blobs,
    open_database,
)
from .pulls import PendingPulls
from .recent import Recent
from .turns import in_turns

log = logging.getLogger("moto_ecr_ext")

_REFERRER_CHECKS_REMEMBERED = 10_000
# Blobs or uploads that are removed in one transaction, which blocks other writes.
_RELEASED_AT_ONCE = 100

_Read = TypeVar("_Read")


class Store:
    """The state of all registries, in a database and a blob store."""

    def __init__(self, database: Database, blobs: BlobStore):
        self.database = database
        self.blobs = blobs
        self.pulls = PendingPulls(database)
        self.counts = Counts()
        self.journal = CallJournal()
        self.referrer_checks: Recent[float] = Recent(_REFERRER_CHECKS_REMEMBERED)
        """The times at which upstream registries were asked for the referrers of an image, by a key of the image."""
        self.schedule = Schedule(database.later, AT_ONCE if database.is_shared else NEVER)
        self.beside = Beside()
        self._cleaning = Cleaning(self._clean_up)
        self._is_closing = threading.Event()
        self.signing_key = self._signing_key()

    @classmethod
    def open(cls, location: StoreLocation) -> Store:
        """Open or create the store at `location`, and remove the remains of a killed process.

        Hidden remains are removed while the store is in use.

        Raises StoreError if it cannot be opened, and SchemaVersionError if it is newer than this package.
        """
        check_lifetimes(location)
        if location.data_dir is not None:
            make_data_directory(location.data_dir)
        with naming_what_cannot_be_opened(location):
            store = cls._at(location)
            store._give_up_previews()
            if store._remove_some():
                # The rest is hidden, and removing it takes long.
                store._cleaning.begin("start")
            else:
                store._remove_orphans()
        return store

    @classmethod
    def open_existing(cls, location: StoreLocation) -> Store:
        """Open the existing store at `location` as it was left.

        Raises StoreError if it cannot be opened or does not exist.
        """
        if location.database is None and location.data_dir is None:
            raise StoreError(
                "Give --data-dir, or --database and --blobs: a registry in memory belongs to its process."
            )
        check_lifetimes(location)
        file = file_of_database(location)
        if file is not None and not file.is_file():
            raise StoreError(f"There is no registry in {location.database or location.data_dir}.")
        with naming_what_cannot_be_opened(location):
            return cls._at(location)

    @classmethod
    def _at(cls, location: StoreLocation) -> Store:
        with ExitStack() as opened:
            database = open_database(location)
            opened.callback(database.close)
            blobs = open_blobs(location)
            opened.callback(blobs.close)
            store = cls(database, blobs)
            opened.pop_all()
        try:
            store._claim_blobs(location)
        except BaseException:
            store.close()
            raise
        return store

    def clear(self) -> None:
        """Empty every registry: rows first, then bytes, so that no row ever lacks its bytes."""
        with self.database.write() as transaction:
            rows.removal.hide_all(transaction)
            # moto's IAM is reset with the registries.
            rows.store.delete_principals_key(transaction)
            digests, are_more = rows.removal.remove_some(transaction)
            self.release_after_commit(transaction, digests)
            if are_more:
                rows.removal.end_work(transaction)
        this_process().ask_others("forget")
        self.forget()
        if are_more:
            # moto blocks all requests during a reset, and this takes long.
            self._cleaning.begin("reset")
        else:
            self._remove_orphans()

    def forget(self) -> None:
        """Drop what this process has in memory of emptied registries."""
        self.beside.forget()
        self.pulls.forget()
        self.referrer_checks.clear()
        self.counts.clear()
        self.journal.clear()

    def settle(self) -> None:
        """Wait until the remains of a start or a reset are removed, or `close` is called."""
        self._cleaning.settle()

    def principals_key(self) -> bytes:
        """Return the key for passwords of IAM principals, which are valid until the registries are emptied."""
        found = self.find_principals_key()
        if found is not None:
            return found
        with self.database.write() as transaction:
            key = rows.store.principals_key(transaction)
            if key is None:
                key = secrets.token_hex(32)
                rows.store.store_principals_key(transaction, key)
        return bytes.fromhex(key)

    def find_principals_key(self) -> bytes | None:
        """Return the key for passwords of IAM principals, or None if no password was signed with one.

        It is read each time: another server may have emptied the registries.
        """
        with self.database.read_one() as view:
            key = rows.store.principals_key(view)
        return None if key is None else bytes.fromhex(key)

    def close(self) -> None:
        """Close the database and the blob store. The next start removes hidden remains."""
        self._is_closing.set()
        self.beside.close()
        self.settle()
        self.pulls.close()
        self.database.close()
        self.blobs.close()

    def open_blob(self, digest: str, size: int) -> BlobReader:
        """Open a blob that has this size in its rows.

        Raises BlobNotFound if it is missing or damaged; damage is logged.
        """
        try:
            blob = self._read_blob(digest, self.blobs.open)
            if blob.size != size:
                blob.close()
                raise BlobDamaged(digest)
        except BlobDamaged:
            _log_damage(digest)
            raise
        return blob

    def size_of_blob(self, digest: str, size: int) -> int:
        """Return the size from the rows, if the blob exists. Raises BlobNotFound as `open_blob` does."""
        try:
            if self._read_blob(digest, self.blobs.size) != size:
                raise BlobDamaged(digest)
        except BlobDamaged:
            _log_damage(digest)
            raise
        return size

    def _read_blob(self, digest: str, read: Callable[[str], _Read]) -> _Read:
        """Return the result of `read` for a blob, after putting the blob back if it was set aside by mistake."""
        try:
            return read(digest)
        except BlobNotFound as error:
            if isinstance(error, BlobDamaged) or not any(self.blobs.set_aside(digest)):
                raise
        # Another server lost its connection in the middle of a removal, and then was killed or delayed.
        with self.database.write() as transaction:
            if rows.blobs.held_anywhere(transaction, [digest]):
                self.blobs.put_back(digest)
        return read(digest)

    def cancel_upload(self, upload_id: str) -> None:
        """Remove the bytes of an upload whose row is gone. After a failure, the next start removes them."""
        try:
            self.blobs.cancel(upload_id)
        except OSError:
            log.exception("The bytes of upload %s, which has ended, were not removed", upload_id)

    def delete_repository(self, transaction: Transaction, repository_id: int) -> None:
        """Hide a repository. Its rows are removed after the commit, or at the next start of a killed process."""
        rows.removal.hide(transaction, repository_id)
        self.remove_hidden(transaction)

    def remove_hidden(self, transaction: Transaction) -> None:
        """Remove the rows that this transaction hides, after the commit."""
        digests, are_more = rows.removal.remove_some(transaction)
        self.release_after_commit(transaction, digests)
        if are_more:
            rows.removal.end_work(transaction)
            transaction.after_commit(self._sweep)

    def _clean_up(self) -> None:
        self._sweep()
        self._remove_orphans()

    def _give_up_previews(self) -> None:
        """Mark a killed process's unwritten previews for `_sweep`. A living process notices, and begins again."""
        with self.database.write() as transaction:
            rows.previews.give_up_writing(transaction)

    def _sweep(self) -> None:
        """Remove all hidden rows, in transactions that block others only briefly."""
        # The turns have nothing to hand out: each is one transaction, and others can write between them.
        for _ in in_turns(repeat(None), 1):
            if self._is_closing.is_set() or not self._remove_some():
                return

    def _remove_some(self) -> bool:
        """Remove some hidden rows. Return True if there are more."""
        with self.database.read_one() as view:
            if not rows.removal.are_any_hidden(view):
                return False
        with self.database.write() as transaction:
            digests, are_more = rows.removal.remove_some(transaction)
            self.release_after_commit(transaction, digests)
        return are_more

    def release_after_commit(self, transaction: Transaction, digests: Collection[str]) -> None:
        """Free the bytes of those blobs that no repository holds any more, once the transaction is committed."""
        if digests:
            transaction.gather(self._release, digests)

    def _release(self, digests: Iterable[str]) -> None:
        for batch in in_turns(digests, _RELEASED_AT_ONCE):
            if self._is_closing.is_set():
                return
            with self.database.read() as view:
                unheld = _unheld(view, batch)
            if unheld:
                self._remove_unheld(unheld)

    def _remove_unheld(self, digests: Sequence[str]) -> None:
        """Remove those of the blobs that no repository holds.

        No blob is pushed while this transaction has the database's lock. But the lock ends with the connection, and
        this process notices that only at its next query: a result means that the lock was held until then.
        https://www.postgresql.org/docs/current/explicit-locking.html#ADVISORY-LOCKS
        """
        with self.blobs.removal(digests) as removal, self.database.write() as transaction:
            removal.step_aside(_unheld(transaction, digests))
            removal.confirm(_unheld(transaction, digests))

    def _remove_orphans(self) -> None:
        """Remove bytes without members and parts without an upload, as left by a killed process."""
        for digest in list(self.blobs.set_aside()):
            self.blobs.put_back(digest)
        self._release(self.blobs.digests())
        for batch in in_turns(self.blobs.upload_ids(), _RELEASED_AT_ONCE):
            with self.database.write() as transaction:
                there = rows.uploads.existing(transaction, batch)
                for upload_id in batch:
                    if upload_id not in there:
                        self.blobs.cancel(upload_id)

    def _claim_blobs(self, location: StoreLocation) -> None:
        """Raise StoreError if the blobs belong to another database: all of them would be orphans here.

        Two servers with a database each, or a new database, are easily given the same place.
        """
        # A name that is unique to the database and does not reveal its key.
        name = Digest.of(self.signing_key)
        # Another server of this database waits here at its start, before it removes orphans.
        with self.database.write() as transaction:
            # Directories of version 1 have no such note.
            if self.blobs.owner() is None and (
                rows.blobs.are_there(transaction) or not any(self.blobs.digests())
            ):
                self.blobs.claim(name)
        if self.blobs.owner() != name:
            raise blobs_of_another_database(location)

    def _signing_key(self) -> bytes:
        with self.database.write() as transaction:
            key = rows.store.signing_key(transaction)
            if key is None:
                key = secrets.token_hex(32)
                rows.store.store_signing_key(transaction, key)
        return bytes.fromhex(key)


def _unheld(view: View, digests: Sequence[str]) -> list[str]:
    held = rows.blobs.held_anywhere(view, digests)
    return [digest for digest in digests if digest not in held]


def _log_damage(digest: str) -> None:
    log.error(
        "Blob %s is damaged, and counts as missing until it is pushed again; "
        "`moto_ecr_server --check` finds all damaged blobs",
        digest,
    )


_lock = fork_safe_lock()
_open: tuple[StoreLocation, Store] | None = None


@contextmanager
def _at_rest() -> Iterator[None]:
    """Keep transactions out of this block, unless one takes too long."""
    is_held = _lock.acquire(timeout=REST_TIMEOUT)
    try:
        with _open[1].database.at_rest() if _open is not None else nullcontext():
            yield
    finally:
        if is_held:
            _lock.release()


def _begin_child() -> None:
    if _open is not None:
        _open[1].beside.begin_child()
        _open[1].database.leave_to_parent()


rest_while_forking(_at_rest)
at_fork(after_in_child=_begin_child)


def current_store(open_at: Callable[[StoreLocation], Store] = Store.open) -> Store:
    """Return the store of the process, which is opened at the settings' location on the first call."""
    global _open
    with _lock:
        location = store_location()
        if _open is None or _open[0] != location:
            if _open is not None:
                _open[1].close()
            _open = location, open_at(location)
        return _open[1]


def open_store() -> Store | None:
    """Return the store of the process if it is open, or None."""
    return None if _open is None else _open[1]


def close_current_store() -> None:
    """Close the store of the process.

    State in memory is lost; state in a directory is there for the next store.
    """
    global _open
    with _lock:
        if _open is not None:
            _open[1].close()
        _open = None
