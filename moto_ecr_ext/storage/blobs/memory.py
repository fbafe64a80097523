"""Blobs in memory, as the parts in which they arrived: never joined, never copied twice."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.forks import fork_safe_lock
from moto_ecr_ext.storage.turns import Turn, Turns

from .blob import CHUNK, BlobReader
from .errors import BlobNotFound, UploadCancelled
from .names import checked_upload_id
from .removal import Removal
from .running_digest import RunningDigest
from .sessions import Buffer, UploadSession
from .store import BlobStore

# Every part costs some 60 bytes beside its content. Small parts are therefore joined up to this size.
_SMALL_PART = 4096


def _chunks_of(parts: Sequence[bytes], start: int, stop: int) -> Iterator[bytes]:
    for part in parts:
        if stop <= 0:
            return
        for begin in range(max(start, 0), min(stop, len(part)), CHUNK):
            yield part[begin : min(begin + CHUNK, stop)]
        start -= len(part)
        stop -= len(part)


class MemoryBlob(BlobReader):
    """A blob that is a sequence of parts. All readers share the object."""

    def __init__(self, parts: Sequence[bytes], size: int) -> None:
        self.size = size
        self._parts = parts

    def close(self) -> None:
        """Do nothing: the parts are freed with their last reader, once the store has dropped them."""

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        return _chunks_of(self._parts, start, stop)


class _Upload(Turn):
    """An upload, whose turn one session at a time has. It ends when it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Drop all bytes, like a new upload."""
        self.parts: list[bytes] = []
        self.size = 0
        self.running = RunningDigest()

    @property
    def is_kept(self) -> bool:
        return self.size > 0


class MemoryUploadSession(UploadSession):
    """A session whose bytes are in memory. `bytes` objects are kept without a copy."""

    def __init__(self, store: MemoryBlobStore, upload_id: str, upload: _Upload) -> None:
        super().__init__(upload_id, upload.size, upload.running)
        self._store = store
        self._upload = upload

    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        return _chunks_of(self._upload.parts, start, stop)

    def _append(self, data: Buffer) -> None:
        part = bytes(data)
        if not part:
            return
        self._running.update(part)
        self.size += len(part)
        parts = self._upload.parts
        if parts and len(parts[-1]) + len(part) <= _SMALL_PART:
            parts[-1] += part
        else:
            parts.append(part)

    def _cut(self, position: int) -> None:
        parts = self._upload.parts
        excess = self.size - position
        while excess:
            part = parts.pop()
            if len(part) > excess:
                parts.append(part[:-excess])
            excess -= min(excess, len(part))

    def _flush(self) -> None:
        """Do nothing: memory has no disk to flush to."""

    def _commit(self, digest: str) -> None:
        self._store.commit(self.upload_id, self._upload, digest, self.size)


class _MemoryRemoval(Removal):
    """Blobs that only the removal holds meanwhile."""

    def __init__(self, store: MemoryBlobStore) -> None:
        super().__init__()
        self._store = store
        self._taken: dict[str, MemoryBlob] = {}

    def _step_aside(self, digest: str) -> bool:
        blob = self._store.take(digest)
        if blob is not None:
            self._taken[digest] = blob
        return blob is not None

    def _remove(self, digest: str) -> None:
        del self._taken[digest]

    def _put_back(self, digest: str) -> None:
        self._store.give(digest, self._taken.pop(digest))


class MemoryBlobStore(BlobStore):
    """A store that keeps everything in this process, as long as the store exists."""

    def __init__(self) -> None:
        self._changes = fork_safe_lock()
        self._blobs: dict[str, MemoryBlob] = {}
        self._uploads: Turns[str, _Upload] = Turns(_Upload)
        self._owner: str | None = None

    def owner(self) -> str | None:
        return self._owner

    def claim(self, owner: str) -> None:
        self._owner = self._owner or owner

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[UploadSession]:
        with self._uploads.take(checked_upload_id(upload_id)) as upload:
            session = MemoryUploadSession(self, upload_id, upload)
            try:
                yield session
            finally:
                session.end()
                if session.is_committed:
                    upload.begin()
                else:
                    upload.size = session.size

    def cancel(self, upload_id: str) -> None:
        self._uploads.end(checked_upload_id(upload_id))

    def open(self, digest: str) -> BlobReader:
        try:
            return self._blobs[Digest.parse(digest)]
        except KeyError:
            raise BlobNotFound(digest) from None

    def removal(self, digests: Collection[str]) -> Removal:
        return _MemoryRemoval(self)

    def set_aside(self, digest: str | None = None) -> Iterator[str]:
        """Return nothing: a blob that is set aside is known to its removal alone, and both end with the process."""
        return iter(())

    def put_back(self, digest: str) -> None:
        """Do nothing: no blob is set aside."""

    def take(self, digest: str) -> MemoryBlob | None:
        """Take a blob out of the store, and return it if it exists."""
        with self._changes:
            return self._blobs.pop(Digest.parse(digest), None)

    def give(self, digest: str, blob: MemoryBlob) -> None:
        """Put a blob into the store, unless it exists."""
        with self._changes:
            self._blobs.setdefault(digest, blob)

    def digests(self) -> Iterator[str]:
        with self._changes:
            return iter(list(self._blobs))

    def upload_ids(self) -> Iterator[str]:
        return iter(self._uploads.keys())

    def clear(self) -> None:
        for upload_id in self.upload_ids():
            self.cancel(upload_id)
        with self._changes:
            self._blobs.clear()

    def commit(self, upload_id: str, upload: _Upload, digest: str, size: int) -> None:
        """Turn the bytes of an upload into a blob. Raises `UploadCancelled` if the upload is over."""
        with self._changes:
            if upload.is_over:
                raise UploadCancelled(upload_id)
            self._blobs.setdefault(digest, MemoryBlob(upload.parts, size))
