"""Sessions of uploads: one writer's turn at a blob that is not finished."""

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

    `size` is how many bytes the upload has. An `append` that raises `OSError` may have appended any
    part of its data; `resume_at` the position acknowledged before, in this session or a later one,
    makes the upload whole again. Whatever else raises it, but `resume_at`, ends the session.
    """

    def __init__(self, upload_id: str, size: int, running: RunningDigest) -> None:
        self.upload_id = upload_id
        self.size = size
        self.is_committed = False
        self._running = running
        self._read_back: dict[str, str] = {}
        self._over = False

    def resume_at(self, position: int) -> None:
        """Continue at `position`, which was acknowledged, and cut off what lies beyond.

        Raises `UploadTruncated`, and changes nothing, when the store has fewer bytes.
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
        """Append `data`. Its buffer may be used for something else afterwards."""
        self._check_in_use()
        self._catch_up()
        self._read_back.clear()
        self._append(data)

    def acknowledge(self) -> None:
        """Put the bytes where the next session finds them, at whichever server; a power cut may take them.

        For bytes that are about to be acknowledged. Most stores have them there once they are appended.
        """
        self._check_in_use()

    def digest(self, algorithm: str = "sha256") -> str:
        """Return the digest of all bytes so far. Any algorithm but sha256 costs reading them back."""
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
        """Return whether all bytes so far have this digest: never for text that is not a digest."""
        return is_digest(digest) and self.digest(Digest(digest).algorithm) == digest

    def flush(self) -> None:
        """Put the bytes where a power cut does not reach them; free when they are there already.

        `commit` does it too. Raises `UploadDiscarded` when the bytes may be lost.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._flush()

    def prepare_commit(self, digest: str) -> None:
        """Do what takes time of `commit`, to keep the wait out of the transaction around that.

        The digest is one that the bytes were found to have. Raises `UploadCancelled` and `UploadDiscarded`.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._prepare_commit(Digest.parse(digest))

    def commit(self, digest: str) -> None:
        """Make the upload the blob `digest`, in one step and durably, and end the session.

        It is fine when that blob is there already, and heals it when it is damaged. The upload may
        last until the block of `BlobStore.upload` is left without an error. Raises `DigestMismatch`
        when the bytes are others, `UploadCancelled` when the upload is gone, and `UploadDiscarded`.
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
        """Allow no further use, as leaving the `with` block of `BlobStore.upload` does."""
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
        """Append `data`, and count in `size` and the running digest what really was appended."""

    @abstractmethod
    def _cut(self, position: int) -> None:
        """Remove the bytes from `position` on."""

    @abstractmethod
    def _flush(self) -> None:
        """As `flush`."""

    def _prepare_commit(self, digest: str) -> None:
        """As `prepare_commit`."""
        self._flush()

    @abstractmethod
    def _commit(self, digest: str) -> None:
        """As `commit`, with the digest verified and all prepared."""
