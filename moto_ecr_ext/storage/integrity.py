"""What is kept, compared with itself: rows with bytes, bytes with digests.

It works on any database and any blob store, also while servers use them: what looks wrong is looked at again in a
transaction, when nobody else writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select

from moto_ecr_ext.oci.digest import digest_of
from moto_ecr_ext.storage.blobs.store import BlobDamaged, BlobNotFound

from .rows import tables
from .store import Store

_HELD = tables.repository_blobs
_HELD_SIZES = select(_HELD.c.digest, func.min(_HELD.c.size), func.max(_HELD.c.size)).group_by(
    _HELD.c.digest
)
_HOLDER = select(_HELD.c.repository_id).where(_HELD.c.digest == bindparam("blob")).limit(1)
_UPLOAD = select(tables.uploads.c.received).where(tables.uploads.c.id == bindparam("upload"))
_IMAGE = select(tables.images.c.manifest).where(tables.images.c.id == bindparam("image"))
_REPOSITORY = tables.repositories
_NAMES_OF_IMAGES = (
    select(
        _REPOSITORY.c.account_id,
        _REPOSITORY.c.region,
        _REPOSITORY.c.name,
        tables.images.c.digest,
    )
    .join(tables.images, tables.images.c.repository_id == _REPOSITORY.c.id)
    .order_by(tables.images.c.id)
)
_IMAGES_WITH = (
    _NAMES_OF_IMAGES.join(
        tables.image_references, tables.image_references.c.image_id == tables.images.c.id
    )
    .join(
        _HELD,
        (_HELD.c.repository_id == tables.images.c.repository_id)
        & (_HELD.c.digest == tables.image_references.c.digest),
    )
    .where(_HELD.c.digest == bindparam("blob"))
)
_NAME_OF_IMAGE = _NAMES_OF_IMAGES.where(tables.images.c.id == bindparam("image"))


@dataclass(frozen=True)
class Damage:
    """Something that is not as it should be.

    `kind` is a few words, `name` a digest or an upload id, and `images` are those that need it, as
    `account/region/repository@digest`. `repair` is None where nothing but a backup helps.
    """

    kind: str
    name: str
    images: Sequence[str] = ()
    repair: Callable[[], None] | None = field(default=None, repr=False, compare=False)

    def __str__(self) -> str:
        return "\n".join([f"{self.kind}: {self.name}", *(f"  in {each}" for each in self.images)])


def find_damage(store: Store) -> Iterator[Damage]:
    """Find all that is wrong with a store."""
    walk = _Walk(store)
    yield from walk.database()
    yield from walk.images()
    yield from walk.blobs()
    yield from walk.uploads()


class _Walk:
    """One walk through a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def database(self) -> Iterator[Damage]:
        """What SQLite finds in its own file."""
        with self._store.database.read() as transaction:
            if transaction.dialect.name != "sqlite":
                return
            # https://www.sqlite.org/pragma.html#pragma_integrity_check: "ok", or a row for each problem.
            said = list(transaction.exec_driver_sql("PRAGMA integrity_check").scalars())
            strays = transaction.exec_driver_sql("PRAGMA foreign_key_check").all()
        for problem in said:
            if problem != "ok":
                yield Damage("damaged database", problem)
        for table, row_id, other, *_ in strays:
            yield Damage("damaged database", f"row {row_id} of {table} is of none in {other}")

    def images(self) -> Iterator[Damage]:
        """Images whose digest is not that of their manifest."""
        with self._store.database.read() as transaction:
            rows = transaction.execute(select(tables.images.c.id, tables.images.c.digest)).all()
        for row_id, digest in rows:
            with self._store.database.read() as transaction:
                manifest = transaction.execute(_IMAGE, {"image": row_id}).scalar_one_or_none()
                names = _names(transaction, _NAME_OF_IMAGE, image=row_id)
            if manifest is not None and digest_of(manifest, digest.partition(":")[0]) != digest:
                yield Damage("damaged manifest", digest, names, partial(self._remove_image, row_id))

    def blobs(self) -> Iterator[Damage]:
        """Blobs that are missing, damaged, of another size than their rows say, or held by no repository."""
        with self._store.database.read() as transaction:
            held = {
                digest: {least, most}
                for digest, least, most in transaction.execute(_HELD_SIZES).all()
            }
        unheld = set(self._store.blobs.digests()) - held.keys()
        for digest in sorted(held):
            yield from self._blob(digest, held[digest])
        for digest in sorted(unheld):
            with self._store.database.write() as transaction:
                is_orphan = not _is_held(transaction, digest) and self._is_there(digest)
            if is_orphan:
                yield Damage("orphaned blob", digest, (), partial(self._release, digest))

    def uploads(self) -> Iterator[Damage]:
        """Bytes of no upload, and uploads of whose bytes some are gone."""
        with self._store.database.read() as transaction:
            rows = transaction.execute(select(tables.uploads.c.id, tables.uploads.c.received))
            received = {row.id: row.received for row in rows}
        there = set(self._store.blobs.upload_ids())
        for upload_id in sorted(there - received.keys()):
            # Within a session, so that a server that is about to remove them has done so.
            with self._store.blobs.upload(upload_id) as session:
                is_orphan = session.size > 0 and self._received(upload_id) is None
            if is_orphan:
                yield Damage(
                    "orphaned upload", upload_id, (), partial(self._store.blobs.discard, upload_id)
                )
        for upload_id in sorted(received):
            if received[upload_id]:
                with self._store.blobs.upload(upload_id) as session:
                    is_truncated = session.size < (self._received(upload_id) or 0)
                if is_truncated:
                    yield Damage(
                        "truncated upload", upload_id, (), partial(self._cancel, upload_id)
                    )

    def _blob(self, digest: str, sizes: set[int]) -> Iterator[Damage]:
        mend = partial(self._let_go, digest)
        try:
            size = self._store.blobs.verify(digest)
        except BlobDamaged:
            kind = "damaged blob"
        except BlobNotFound:
            kind = "missing blob"
        except OSError as error:
            # Not for good, perhaps.
            yield Damage("unreadable blob", f"{digest} ({error})", self._images_with(digest))
            return
        else:
            if sizes == {size}:
                return
            kind, mend = "wrong size", partial(self._correct_size, digest, size)
        if self._is_still_so(digest, kind):
            yield Damage(kind, digest, self._images_with(digest), mend)

    def _is_still_so(self, digest: str, kind: str) -> bool:
        """Whether a blob is held, and missing where it was; a server may have removed it meanwhile."""
        with self._store.database.write() as transaction:
            return _is_held(transaction, digest) and (
                kind != "missing blob" or not self._is_there(digest)
            )

    def _is_there(self, digest: str) -> bool:
        try:
            self._store.blobs.open(digest).close()
        except BlobDamaged:
            return True
        except BlobNotFound:
            return False
        return True

    def _images_with(self, digest: str) -> Sequence[str]:
        with self._store.database.read() as transaction:
            return _names(transaction, _IMAGES_WITH, blob=digest)

    def _received(self, upload_id: str) -> int | None:
        with self._store.database.read() as transaction:
            return transaction.execute(_UPLOAD, {"upload": upload_id}).scalar_one_or_none()

    def _remove_image(self, row_id: int) -> None:
        with self._store.database.write() as transaction:
            transaction.execute(tables.images.delete().where(tables.images.c.id == row_id))

    def _release(self, digest: str) -> None:
        with self._store.database.write():
            self._store.release_after_commit([digest])

    def _let_go(self, digest: str) -> None:
        """Take a blob out of all repositories, unless it was pushed again meanwhile."""
        with self._store.database.write() as transaction:
            try:
                self._store.blobs.verify(digest)
            except BlobNotFound:
                transaction.execute(_HELD.delete().where(_HELD.c.digest == digest))
                self._store.release_after_commit([digest])

    def _correct_size(self, digest: str, size: int) -> None:
        with self._store.database.write() as transaction:
            transaction.execute(_HELD.update().where(_HELD.c.digest == digest), {"size": size})

    def _cancel(self, upload_id: str) -> None:
        with self._store.database.write() as transaction:
            transaction.execute(tables.uploads.delete().where(tables.uploads.c.id == upload_id))
        self._store.blobs.discard(upload_id)


def _is_held(transaction: Connection, digest: str) -> bool:
    return transaction.execute(_HOLDER, {"blob": digest}).first() is not None


def _names(transaction: Connection, query: Select[Any], **of: object) -> Sequence[str]:
    return [
        f"{row.account_id}/{row.region}/{row.name}@{row.digest}"
        for row in transaction.execute(query, of)
    ]
