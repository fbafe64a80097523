"""Blobs in memory, as the parts that they arrived in: never joined, never copied twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.turns import Turn, Turns

from .blob import CHUNK, Blob
from .errors import BlobNotFound, UploadCancelled
from .names import checked_upload_id
from .running_digest import RunningDigest
from .sessions import Buffer, UploadSession
from .store import BlobStore

# Every part costs some 60 bytes beside its content. Tiny ones are therefore joined up to this size.
_SMALL_PART = 4096


def _chunks_of(parts: Sequence[bytes], start: int, stop: int) -> Iterator[bytes]:
    for part in parts:
        if stop <= 0:
            return
        for begin in range(max(start, 0), min(stop, len(part)), CHUNK):
            yield part[begin : min(begin + CHUNK, stop)]
        start -= len(part)
        stop -= len(part)


class MemoryBlob(Blob):
    """A blob that is a sequence of parts. The same object serves all readers."""

    def __init__(self, parts: Sequence[bytes], size: int) -> None:
        self.size = size
        self._parts = parts

    def close(self) -> None:
        """Do nothing: the parts go with their last reader, once the store has let go of them."""

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        return _chunks_of(self._parts, start, stop)


class _Upload(Turn):
    """An upload, of which one session at a time has the turn. It is over once it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.begin()

    def begin(self) -> None:
        """Be without bytes, as a new upload is."""
        self.parts: list[bytes] = []
        self.size = 0
        self.running = RunningDigest()

    @property
    def is_kept(self) -> bool:
        return self.size > 0


class MemoryUploadSession(UploadSession):
    """A session whose bytes are in memory. `bytes` are kept as they are given, without a copy."""

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
        """Do nothing: memory is as durable as it gets."""

    def _commit(self, digest: str) -> None:
        self._store.commit(self.upload_id, self._upload, digest, self.size)


class MemoryBlobStore(BlobStore):
    """Keeps everything in this process, as long as the store itself."""

    def __init__(self) -> None:
        self._changes = Lock()
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

    def open(self, digest: str) -> Blob:
        try:
            return self._blobs[Digest.parse(digest)]
        except KeyError:
            raise BlobNotFound(digest) from None

    def delete(self, digest: str) -> None:
        with self._changes:
            self._blobs.pop(Digest.parse(digest), None)

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
        """Make the bytes of an upload a blob. Raises `UploadCancelled`."""
        with self._changes:
            if upload.is_over:
                raise UploadCancelled(upload_id)
            self._blobs.setdefault(digest, MemoryBlob(upload.parts, size))
