"""Blobs in memory, as the parts that they arrived in: never joined, never copied twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

from .store import (
    CHUNK,
    Blob,
    BlobNotFound,
    BlobStore,
    Buffer,
    RunningDigest,
    UploadCancelled,
    UploadSession,
    checked_digest,
    checked_upload_id,
)

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
        """The parts go with their last reader, once the store has let go of them."""

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        return _chunks_of(self._parts, start, stop)


class _Upload:
    """What stays of an upload between its sessions."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.running = RunningDigest()
        self.turn = Lock()


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
        """Memory is as durable as it gets."""

    def _commit(self, digest: str) -> None:
        self._store.take_over(self.upload_id, self._upload, digest, self.size)


class MemoryBlobStore(BlobStore):
    """Keeps everything in this process, as long as the store itself."""

    def __init__(self) -> None:
        self._changes = Lock()
        self._blobs: dict[str, MemoryBlob] = {}
        self._uploads: dict[str, _Upload] = {}
        self._owner: str | None = None

    def owner(self) -> str | None:
        return self._owner

    def claim(self, owner: str) -> None:
        self._owner = self._owner or owner

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[UploadSession]:
        upload = self._taken(checked_upload_id(upload_id))
        session = MemoryUploadSession(self, upload_id, upload)
        try:
            yield session
        finally:
            session.end()
            upload.size = session.size
            if not upload.size:
                self._remove(upload_id, upload)
            upload.turn.release()

    def cancel(self, upload_id: str) -> None:
        with self._changes:
            self._uploads.pop(checked_upload_id(upload_id), None)

    def open(self, digest: str) -> Blob:
        try:
            return self._blobs[checked_digest(digest)]
        except KeyError:
            raise BlobNotFound(digest) from None

    def delete(self, digest: str) -> None:
        with self._changes:
            self._blobs.pop(checked_digest(digest), None)

    def digests(self) -> Iterator[str]:
        with self._changes:
            return iter(list(self._blobs))

    def upload_ids(self) -> Iterator[str]:
        with self._changes:
            return iter(list(self._uploads))

    def clear(self) -> None:
        with self._changes:
            self._blobs.clear()
            self._uploads.clear()

    def take_over(self, upload_id: str, upload: _Upload, digest: str, size: int) -> None:
        """Turn an upload into a blob; raises `UploadCancelled` when it is no longer there."""
        with self._changes:
            if self._uploads.get(upload_id) is not upload:
                raise UploadCancelled(upload_id)
            del self._uploads[upload_id]
            self._blobs.setdefault(digest, MemoryBlob(upload.parts, size))

    def _taken(self, upload_id: str) -> _Upload:
        """The upload, once it is this thread's turn."""
        while True:
            with self._changes:
                upload = self._uploads.setdefault(upload_id, _Upload())
            upload.turn.acquire()
            with self._changes:
                if self._uploads.get(upload_id) is upload:
                    return upload
            # It was committed or cancelled while this thread waited.
            upload.turn.release()

    def _remove(self, upload_id: str, upload: _Upload) -> None:
        with self._changes:
            if self._uploads.get(upload_id) is upload:
                del self._uploads[upload_id]
