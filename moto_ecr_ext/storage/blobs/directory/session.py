"""A session of an upload whose bytes are in a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Container, Iterator
from contextlib import contextmanager

from moto_ecr_ext.platforms import files
from moto_ecr_ext.storage.blobs.errors import UploadCancelled, UploadDiscarded
from moto_ecr_ext.storage.blobs.sessions import Buffer, UploadSession

from .files import SyncFailed, is_at, piece_of, sync
from .progress import Progress
from .tree import BlobTree
from .verification import VerifiedFiles

# Bytes of a range to write back. In ranges this short, no page is on disk, and so dropped from memory, when
# its writing is requested; with four times as much, a sixth of the pages was.
_WRITE_BACK = 8 * 1024 * 1024
# Bytes of a write. Larger writes make larger pages, which a virtual machine may have returned to its host.
# Getting them again takes as long as all other work.
_WRITE = 32 * 1024


class DirectoryUploadSession(UploadSession):
    """A session whose bytes are in a file that nobody else writes to.

    If it `is_discarded`, the file is removed at its end.
    """

    def __init__(
        self,
        upload_id: str,
        path: str,
        descriptor: int,
        size: int,
        progress: Progress,
        tree: BlobTree,
        verified: VerifiedFiles,
        cancelled: Container[str],
    ) -> None:
        super().__init__(upload_id, size, progress.running)
        self._path = path
        self._descriptor = descriptor
        self._progress = progress
        self._tree = tree
        self._verified = verified
        self._cancelled = cancelled
        self._written_back = size
        self.is_discarded = False

    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            piece = piece_of(self._descriptor, start, stop)
            yield piece
            start += len(piece)

    def _append(self, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        self._progress.flushed = False
        start = self.size
        try:
            while rest := view[self.size - start :]:
                self.size += os.write(self._descriptor, rest[:_WRITE])
                if self.size - self._written_back >= _WRITE_BACK:
                    self._write_back()
        finally:
            # Bytes that could not be written must not be part of the digest.
            self._running.update(view[: self.size - start])

    def _cut(self, position: int) -> None:
        self._progress.flushed = False
        os.ftruncate(self._descriptor, position)
        self._written_back = min(self._written_back, position)

    def _flush(self) -> None:
        if not self._progress.flushed:
            with self._discarded_by_a_failed_sync():
                sync(self._descriptor)
            self._progress.flushed = True

    def _commit(self, digest: str) -> None:
        status = self._status()
        if status.st_size != self.size:
            raise OSError(errno.EIO, f"holds {status.st_size} bytes, not {self.size}", self._path)
        try:
            with self._discarded_by_a_failed_sync():
                self._tree.adopt(self._path, digest)
        except FileNotFoundError:
            self._status()
            raise
        self._verified.note(digest, status, True)

    @contextmanager
    def _discarded_by_a_failed_sync(self) -> Iterator[None]:
        try:
            yield
        except SyncFailed as error:
            self.is_discarded = True
            raise UploadDiscarded(error.errno, error.strerror, self._path) from error

    def _status(self) -> os.stat_result:
        status = os.fstat(self._descriptor)
        if self.upload_id in self._cancelled or not is_at(self._path, status):
            raise UploadCancelled(self.upload_id)
        return status

    def _write_back(self) -> None:
        """Start writing to disk while bytes still arrive, so that `flush` has little left to do."""
        # Linux starts to write the dirty pages of such a range, and drops only clean ones.
        files.forget_pages(self._descriptor, self._written_back, self.size - self._written_back)
        self._written_back = self.size
