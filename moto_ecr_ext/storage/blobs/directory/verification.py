"""Blobs in files, each compared with its digest before it is first served."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import FileIO

from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.verification import Verified
from moto_ecr_ext.storage.turns import Turn, Turns

from .files import FileState, file_state, piece_of


class FileBlob(BlobReader):
    """A blob that is a file."""

    def __init__(self, path: str) -> None:
        self._file = FileIO(path)
        # The status at the time of opening.
        self.status = os.fstat(self._file.fileno())
        self.size = self.status.st_size

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            # The descriptor is read each time: after `close`, its number may be another file's.
            piece = piece_of(self._file.fileno(), start, stop)
            yield piece
            start += len(piece)


class VerifiedFiles:
    """The results of verification for the files that were last used.

    A new name does not change the state of a file, so that the result for an upload holds for its blob.
    """

    def __init__(self) -> None:
        self._verified: Verified[FileState] = Verified()
        # A blob that many threads request at once is read once.
        self._turns: Turns[str, Turn] = Turns(Turn)

    def note(self, digest: str, status: os.stat_result, is_intact: bool) -> None:
        """Remember the result for a file in this state."""
        self._verified.note(digest, file_state(status), is_intact)

    def forget(self, digest: str) -> None:
        """Drop the result: the next use reads the file again."""
        self._verified.forget(digest)

    def is_intact(self, digest: str, blob: FileBlob) -> bool:
        """Return True if a blob has its digest, reading it if the result is unknown."""
        found = self.find(digest, blob.status)
        if found is None:
            with self._turns.take(digest):
                found = self.find(digest, blob.status)
                if found is None:
                    found = blob.has_digest(digest)
                    self.note(digest, blob.status, found)
        return found

    def find(self, digest: str, status: os.stat_result) -> bool | None:
        """Return the remembered result for a file in this state, or None."""
        return self._verified.find(digest, file_state(status))
