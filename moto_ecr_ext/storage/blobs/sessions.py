"""Sessions of uploads: one writer's turn at an unfinished blob."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from moto_ecr_ext.oci.digest import HASHERS, Digest, is_digest

from .errors import DigestMismatch, UploadTruncated
from .running_digest import RunningDigest

Buffer = bytes | bytearray | memoryview


class UploadSession(ABC):
    """One writer's turn at an unfinished blob, from `BlobStore.upload`.

    `size` is the number of bytes that the upload has. An `append` that raises `OSError` may have appended any part of
    its data; `resume_at` the acknowledged position, in this session or a later one, repairs the upload. Any other
    error, except from `resume_at`, ends the session.
    """

    def __init__(self, upload_id: str, size: int, running: RunningDigest) -> None:
        self.upload_id = upload_id
        self.size = size
        self.is_committed = False
        self._running = running
        self._read_back: dict[str, str] = {}
        self._over = False

    def resume_at(self, position: int) -> None:
        """Continue at `position`, which was acknowledged, and drop the bytes beyond.

        Raises `UploadTruncated`, and changes nothing, if the store has fewer bytes.
        """
        self._check_in_use()
        if position < 0:
            raise ValueError(f"not a position: {position}")
        if position > self.size:
            raise UploadTruncated(self.upload_id, self.size)
        if position < self.size:
            self._cut(position)
            self.size = position
            self._read_back.clear()
        self._running.rewind(position)
        if self._running.position == position:
            self._running.mark()

    def append(self, data: Buffer) -> None:
        """Append `data`. Its buffer may be reused afterwards."""
        self._check_in_use()
        self._catch_up()
        self._read_back.clear()
        self._append(data)

    def acknowledge(self) -> None:
        """Make the bytes visible to the next session, at any server; a power cut may lose them.

        Call this before the bytes are acknowledged. In most stores appended bytes are visible already.
        """
        self._check_in_use()

    def digest(self, algorithm: str = "sha256") -> str:
        """Return the digest of all bytes so far. Any algorithm but sha256 reads them again."""
        self._check_in_use()
        if algorithm == "sha256":
            self._catch_up()
            return f"sha256:{self._running.hexdigest()}"
        if algorithm not in self._read_back:
            hasher = HASHERS[algorithm]()
            for chunk in self._read(0, self.size):
                hasher.update(chunk)
            self._read_back[algorithm] = f"{algorithm}:{hasher.hexdigest()}"
        return self._read_back[algorithm]

    def has_digest(self, digest: str) -> bool:
        """Return True if all bytes so far have this digest, and False for text that is not a digest."""
        return is_digest(digest) and self.digest(Digest(digest).algorithm) == digest

    def flush(self) -> None:
        """Flush the bytes to disk, so that they survive a power cut; free if they are flushed already.

        `commit` flushes, too. Raises `UploadDiscarded` if the bytes may be lost.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._flush()

    def prepare_commit(self, digest: str) -> None:
        """Do the slow part of `commit`, to keep it out of the caller's transaction.

        The digest is one that `has_digest` has confirmed. Raises `UploadCancelled` and `UploadDiscarded`.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._prepare_commit(Digest.parse(digest))

    def commit(self, digest: str) -> None:
        """Turn the upload into the blob `digest`, durably and in one step, and end the session.

        A blob that exists already is kept, or repaired if it is damaged. The upload may last until the block of
        `BlobStore.upload` ends without an error. Raises `DigestMismatch` if the bytes have another digest,
        `UploadCancelled` if the upload is gone, and `UploadDiscarded`.
        """
        self._check_in_use()
        actual = self.digest(Digest.parse(digest).algorithm)
        if actual != digest:
            raise DigestMismatch(digest, actual)
        self.prepare_commit(digest)
        self.end()
        self._commit(digest)
        self.is_committed = True

    def end(self) -> None:
        """End the session, as the end of the `with` block of `BlobStore.upload` does."""
        self._over = True

    def _check_in_use(self) -> None:
        if self._over:
            raise ValueError(f"the session of upload {self.upload_id} is over")

    @contextmanager
    def _ended_by_an_error(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.end()
            raise

    def _catch_up(self) -> None:
        """Take the bytes that another process wrote into the running digest."""
        if self._running.position < self.size:
            for chunk in self._read(self._running.position, self.size):
                self._running.update(chunk)
            self._running.mark()

    @abstractmethod
    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, which the upload has."""

    @abstractmethod
    def _append(self, data: Buffer) -> None:
        """Append `data`, and update `size` and the running digest by the bytes that were written."""

    @abstractmethod
    def _cut(self, position: int) -> None:
        """Remove the bytes from `position` on."""

    @abstractmethod
    def _flush(self) -> None:
        """Flush as `flush` does."""

    def _prepare_commit(self, digest: str) -> None:
        """Prepare as `prepare_commit` does."""
        self._flush()

    @abstractmethod
    def _commit(self, digest: str) -> None:
        """Commit as `commit` does, with the digest verified and the commit prepared."""
