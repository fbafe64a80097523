"""The bytes of a registry: what a blob store offers, wherever it keeps them.

A store knows bytes and their digests, nothing else. Which repository holds a blob, and how much of
an upload was acknowledged, is in the database.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType

from moto_ecr_ext.oci.digest import HASHERS, is_digest

from .hashing_thread import HashingThread

Buffer = bytes | bytearray | memoryview

CHUNK = 1024 * 1024
"""The most bytes that a blob hands out at once."""

_UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class BlobNotFound(Exception):
    """The store has no blob of this digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"no blob {digest}")
        self.digest = digest


class BlobDamaged(BlobNotFound):
    """What the store has under this digest are other bytes, which nobody is given."""


class UploadTruncated(Exception):
    """The store holds only `size` bytes of an upload, fewer than it was to be resumed at."""

    def __init__(self, upload_id: str, size: int) -> None:
        super().__init__(f"upload {upload_id} holds only {size} bytes")
        self.upload_id = upload_id
        self.size = size


class UploadCancelled(Exception):
    """The upload was cancelled while this session was using it."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"upload {upload_id} was cancelled")
        self.upload_id = upload_id


class BlobStoreUnavailable(OSError):
    """The place where the bytes are cannot be reached, or refuses. It may be there again later."""


class DigestMismatch(Exception):
    """The bytes of an upload have another digest than the one to commit them under."""

    def __init__(self, digest: str, actual: str) -> None:
        super().__init__(f"bytes with digest {actual} cannot be blob {digest}")
        self.digest = digest
        self.actual = actual


def is_upload_id(text: str) -> bool:
    """Whether `text` is a UUID as uploads are named: in lower case, with hyphens."""
    return _UPLOAD_ID.fullmatch(text) is not None


def checked_digest(digest: str) -> str:
    """`digest`, unless it is none: then `ValueError`. No store makes a path or key of less."""
    if not is_digest(digest):
        raise ValueError(f"not a digest: {digest!r}")
    return digest


def checked_upload_id(upload_id: str) -> str:
    """`upload_id`, unless it is none: then `ValueError`. No store makes a path or key of less."""
    if not is_upload_id(upload_id):
        raise ValueError(f"not an upload id: {upload_id!r}")
    return upload_id


class Blob(ABC):
    """The bytes of one digest, open for reading until `close`; also a context manager.

    They stay readable when the store deletes the blob meanwhile, unless its class says otherwise.
    Many threads may read at once.
    """

    size: int

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` up to `stop` or the end, never more than `CHUNK` at a time."""
        if start < 0:
            raise ValueError(f"not a position: {start}")
        return self._chunks(start, self.size if stop is None else min(stop, self.size))

    def has_digest(self, digest: str) -> bool:
        """Whether the bytes, all of which are read, have this digest."""
        algorithm, _, encoded = digest.partition(":")
        hasher = HASHERS[algorithm]()
        for chunk in self.chunks():
            hasher.update(chunk)
        return hasher.hexdigest() == encoded

    def fileno(self) -> int | None:
        """The descriptor of a file of exactly these bytes, for `sendfile` or `mmap`, or None.

        It is open as long as the blob is. Read it by offset: its position is shared.
        """
        return None

    def url(self, seconds: int) -> str | None:
        """Where anybody may GET the bytes without this server, so long; None where nobody can."""
        return None

    def __enter__(self) -> Blob:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Let go of the bytes. Closing twice is fine."""

    @abstractmethod
    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """As `chunks`, with both ends known."""


class RunningDigest:
    """The sha256 of an upload as its bytes arrive, and as it was at one marked position.

    The mark is where a body began, so that one that breaks off can be cut and sent again without
    a second reading of what came before it.
    """

    def __init__(self) -> None:
        self.position = 0
        self._hasher = HASHERS["sha256"]()
        self._thread: HashingThread | None = None
        self._marked_position = 0
        self._marked_hasher = self._hasher.copy()

    def update(self, data: memoryview | bytes, beside: bool = False) -> None:
        """Take in the bytes that follow `position`; `beside` does it while the caller goes on."""
        if beside:
            if self._thread is None:
                self._thread = HashingThread(self._hasher)
            self._thread.take(memoryview(data))
        else:
            self.settle()
            self._hasher.update(data)
        self.position += len(data)

    def settle(self) -> None:
        """Wait for what is hashed beside. Whoever has had something hashed so calls this at last."""
        if self._thread is not None:
            self._thread.end()
            self._thread = None

    def mark(self) -> None:
        """Make `position` the one to come back to."""
        self.settle()
        self._marked_position = self.position
        self._marked_hasher = self._hasher.copy()

    def rewind(self, position: int) -> None:
        """Forget the bytes from `position` on; those before may have to be taken in again too."""
        if position >= self.position:
            return
        self.settle()
        if position < self._marked_position:
            self._marked_position = 0
            self._marked_hasher = HASHERS["sha256"]()
        self.position = self._marked_position
        self._hasher = self._marked_hasher.copy()

    def hexdigest(self) -> str:
        """The digest of the bytes up to `position`."""
        self.settle()
        return self._hasher.hexdigest()


class UploadSession(ABC):
    """One writer's turn at an unfinished blob, from `BlobStore.upload`.

    `size` is how many bytes the upload has. An `append` that raises `OSError` may have appended any
    part of its data; `resume_at` the position acknowledged before, in this session or a later one,
    makes the upload whole again. Whatever else raises it, but `resume_at`, ends the session.
    """

    def __init__(self, upload_id: str, size: int, running: RunningDigest) -> None:
        self.upload_id = upload_id
        self.size = size
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

    def digest(self, algorithm: str = "sha256") -> str:
        """The digest of all bytes so far. Any algorithm but sha256 costs reading them back."""
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

    def flush(self) -> None:
        """Put the bytes where a power cut does not reach them; free when they are there already.

        `commit` does it too.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._flush()

    def acknowledge(self) -> None:
        """Put the bytes where the next session finds them, at whichever server; a power cut may take them.

        For bytes that are about to be acknowledged. Most stores have them there when they are written.
        """
        self._check_in_use()

    def prepare_commit(self, digest: str) -> None:
        """Do what takes time of `commit`, to keep the wait out of the transaction around that.

        The digest is one that the bytes were found to have. Raises `UploadCancelled`.
        """
        self._check_in_use()
        with self._ended_by_an_error():
            self._prepare_commit(checked_digest(digest))

    def commit(self, digest: str) -> None:
        """Make the upload the blob `digest`, in one step and durably, and end the session.

        It is fine when that blob is there already, and heals it when it is damaged. The upload may
        last until the block of `BlobStore.upload` is left without an error. Raises `DigestMismatch`
        when the bytes are others and `UploadCancelled` when the upload is gone.
        """
        self._check_in_use()
        actual = self.digest(checked_digest(digest).partition(":")[0])
        if actual != digest:
            raise DigestMismatch(digest, actual)
        self.prepare_commit(digest)
        self.end()
        self._commit(digest)

    def end(self) -> None:
        """Allow no further use, as leaving the `with` block of `BlobStore.upload` does."""
        self._over = True

    def _check_in_use(self) -> None:
        if self._over:
            raise ValueError(f"the session of upload {self.upload_id} is over")

    @contextmanager
    def _ended_by_an_error(self) -> Iterator[None]:
        # What a failed fsync could not write may be lost, and the next one succeed all the same.
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
        """The bytes from `start` up to `stop`, which the upload has."""

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


class BlobStore(ABC):
    """Blobs by digest, and the uploads that are to become blobs; for many threads at once.

    Whatever takes a digest or an upload id raises `ValueError` for text that is none.
    """

    @abstractmethod
    def owner(self) -> str | None:
        """The database whose blobs these are, as it is noted beside them; None where there is no note."""

    @abstractmethod
    def claim(self, owner: str) -> None:
        """Note that these are the blobs of the database `owner`, unless there is such a note."""

    @abstractmethod
    def upload(self, upload_id: str) -> AbstractContextManager[UploadSession]:
        """The session of an upload. Another one for the same id waits until this one is left.

        An upload lasts from its first byte until it is committed or cancelled, over any number of
        sessions. Each finds all bytes ever written, acknowledged or not: call `resume_at` first.
        """

    @abstractmethod
    def cancel(self, upload_id: str) -> None:
        """Remove an upload, if it exists, without waiting for a session: that cannot commit."""

    @abstractmethod
    def open(self, digest: str) -> Blob:
        """The blob of this digest; raises `BlobNotFound`, and `BlobDamaged` where that is noticed."""

    def size(self, digest: str) -> int:
        """The size of a blob; raises `BlobNotFound` and `BlobDamaged` as `open` does."""
        with self.open(digest) as blob:
            return blob.size

    def verify(self, digest: str) -> int:
        """Read a whole blob, and give its size; raises `BlobNotFound` and `BlobDamaged`."""
        with self.open(digest) as blob:
            if not blob.has_digest(digest):
                raise BlobDamaged(digest)
            return blob.size

    @abstractmethod
    def delete(self, digest: str) -> None:
        """Remove a blob, if it exists. Whoever has it open keeps it."""

    @abstractmethod
    def digests(self) -> Iterator[str]:
        """Every blob. One that comes or goes meanwhile may be missed or told."""

    @abstractmethod
    def upload_ids(self) -> Iterator[str]:
        """Every upload that has bytes or is in a session."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything, uploads too, without waiting for readers and sessions."""
