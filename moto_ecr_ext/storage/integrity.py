"""Checks of stored data: rows against bytes, and bytes against digests.

They work with any database and any blob store, even while servers use them: apparent damage is checked again in a
transaction, while nobody else writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from moto_ecr_ext.oci.digest import Digest

from . import rows
from .blobs.errors import BlobDamaged, BlobNotFound
from .database.transaction import View
from .progress import ticking, work
from .store import Store


@dataclass(frozen=True)
class Damage:
    """Damage to stored data.

    `kind` is a few words, `name` a digest, an upload id or an image, and `images` are the images that
    need it, as `account/region/repository@digest`. `lacks` are the missing blobs of an incomplete image. Without a
    `repair`, only a backup or a push helps.
    """

    kind: str
    name: str
    images: Sequence[str] = ()
    repair: Callable[[], None] | None = field(default=None, repr=False, compare=False)
    lacks: Sequence[str] = ()

    def __str__(self) -> str:
        needed_by = (f"  in {each}" for each in self.images)
        lacking = (f"  lacks {each}" for each in self.lacks)
        return "\n".join([f"{self.kind}: {self.name}", *needed_by, *lacking])


def find_damage(store: Store) -> Iterator[Damage]:
    """Find all damage of a store."""
    walk = _Walk(store)
    yield from walk.database()
    yield from walk.images()
    yield from walk.blobs()
    yield from walk.uploads()
    yield from find_incomplete(store)


def find_incomplete(store: Store) -> Iterator[Damage]:
    """Find the images whose layers their repository does not hold. The next push of such an image completes it."""
    with store.database.read() as view:
        incomplete = rows.integrity.lacks(view)
    for image, lacks in incomplete.items():
        yield Damage("incomplete image", str(image), lacks=lacks)


class _Walk:
    """One walk through a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def database(self) -> Iterator[Damage]:
        """Yield the problems that SQLite finds in its own file."""
        with work("Database", 1, "databases") as running, self._store.database.read() as view:
            with ticking(view.connection, running):
                problems = rows.integrity.problems_of_sqlite(view)
            running.advance()
        for problem in problems:
            yield Damage("damaged database", problem)

    def images(self) -> Iterator[Damage]:
        """Yield the images whose manifest does not have their digest."""
        with self._store.database.read() as view:
            images = rows.integrity.images_with_manifests(view)
        with work("Manifests", len(images), "manifests") as running:
            for row_id, digest in images:
                yield from self._image(row_id, digest)
                running.advance()

    def _image(self, row_id: int, digest: str) -> Iterator[Damage]:
        with self._store.database.read() as view:
            manifest = rows.integrity.manifest(view, row_id)
            names = [str(each) for each in rows.integrity.name_of_image(view, row_id)]
        if manifest is not None and Digest.of(manifest, Digest(digest).algorithm) != digest:
            yield Damage("damaged manifest", digest, names, partial(self._remove_image, row_id))

    def blobs(self) -> Iterator[Damage]:
        """Yield the blobs that are missing, damaged, held by no repository, or of another size than in their rows."""
        with self._store.database.read() as view:
            held = {each.digest: {each.smallest, each.largest} for each in rows.blobs.sizes(view)}
        unheld = set(self._store.blobs.digests()) - held.keys()
        with work("Layers", sum(map(max, held.values())), "bytes") as running:
            for digest in sorted(held):
                yield from self._blob(digest, held[digest])
                running.advance(max(held[digest]))
        for digest in sorted(unheld):
            with self._store.database.write() as transaction:
                is_orphan = not _is_held(transaction, digest) and self._is_there(digest)
            if is_orphan:
                yield Damage("orphaned blob", digest, (), partial(self._release, digest))

    def uploads(self) -> Iterator[Damage]:
        """Yield bytes without an upload, and uploads that lack bytes."""
        with self._store.database.read() as view:
            received = rows.integrity.received_of_uploads(view)
        there = set(self._store.blobs.upload_ids())
        for upload_id in sorted(there - received.keys()):
            # Within a session, a server that is about to remove the bytes has done so.
            with self._store.blobs.upload(upload_id) as session:
                is_orphan = session.size > 0 and self._received(upload_id) is None
            if is_orphan:
                yield Damage(
                    "orphaned upload", upload_id, (), partial(self._store.blobs.cancel, upload_id)
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
        repair = partial(self._remove_everywhere, digest)
        try:
            size = self._store.blobs.verify(digest)
        except BlobDamaged:
            kind = "damaged blob"
        except BlobNotFound:
            kind = "missing blob"
            if any(self._store.blobs.set_aside(digest)):
                kind, repair = "misplaced blob", partial(self._store.blobs.put_back, digest)
        except OSError as error:
            # This may be temporary.
            yield Damage("unreadable blob", f"{digest} ({error})", self._images_with(digest))
            return
        else:
            if sizes == {size}:
                return
            kind, repair = "wrong size", partial(self._correct_size, digest, size)
        if self._is_still_so(digest, kind):
            yield Damage(kind, digest, self._images_with(digest), repair)

    def _is_still_so(self, digest: str, kind: str) -> bool:
        """Return True if a blob is still held, and still missing if it was; a server may have removed it meanwhile."""
        with self._store.database.write() as transaction:
            return _is_held(transaction, digest) and (
                kind not in ("missing blob", "misplaced blob") or not self._is_there(digest)
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
        with self._store.database.read() as view:
            return [str(each) for each in rows.integrity.images_with_blob(view, digest)]

    def _received(self, upload_id: str) -> int | None:
        with self._store.database.read() as view:
            return rows.integrity.received(view, upload_id)

    def _remove_image(self, row_id: int) -> None:
        with self._store.database.write() as transaction:
            rows.integrity.delete_image(transaction, row_id)

    def _release(self, digest: str) -> None:
        with self._store.database.write() as transaction:
            self._store.release_after_commit(transaction, [digest])

    def _remove_everywhere(self, digest: str) -> None:
        """Remove a blob from all repositories, unless it was pushed again meanwhile."""
        with self._store.database.write() as transaction:
            try:
                self._store.blobs.verify(digest)
            except BlobNotFound:
                rows.blobs.delete_everywhere(transaction, digest)
                self._store.release_after_commit(transaction, [digest])

    def _correct_size(self, digest: str, size: int) -> None:
        with self._store.database.write() as transaction:
            rows.blobs.correct_size(transaction, digest, size)

    def _cancel(self, upload_id: str) -> None:
        with self._store.database.write() as transaction:
            rows.integrity.delete_upload(transaction, upload_id)
        self._store.blobs.cancel(upload_id)


def _is_held(view: View, digest: str) -> bool:
    return bool(rows.blobs.held_anywhere(view, [digest]))
