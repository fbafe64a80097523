"""A blob that is open for reading, in any store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from types import TracebackType

from moto_ecr_ext.oci.digest import HASHERS, Digest
from moto_ecr_ext.storage.progress import tick

CHUNK = 1024 * 1024
"""The most bytes that a blob yields at once."""


class Blob(ABC):
    """The bytes of one digest, open for reading until `close`; also a context manager.

    They stay readable if the store deletes the blob meanwhile, unless the class says otherwise. Many threads may read
    at once.
    """

    size: int

    def chunks(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop` or the end, in pieces of at most `CHUNK`.

        Raises ValueError for a position outside the blob.
        """
        if start < 0:
            raise ValueError(f"not a position: {start}")
        return self._chunks(start, self.size if stop is None else min(stop, self.size))

    def has_digest(self, digest: str) -> bool:
        """Read all bytes, and return True if they have this digest."""
        name = Digest.parse(digest)
        hasher = HASHERS[name.algorithm]()
        for chunk in self.chunks():
            hasher.update(chunk)
            tick()
        return hasher.hexdigest() == name.encoded

    def fileno(self) -> int | None:
        """Return the descriptor of a file with exactly these bytes, for `sendfile` or `mmap`, or None.

        It is open as long as the blob. Read it by offset: its position is shared.
        """
        return None

    def url(self, seconds: int) -> str | None:
        """Return a presigned URL that is valid for `seconds`, or None if the store has no URLs."""
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
        """Release the bytes. Closing twice is allowed."""

    @abstractmethod
    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, which the blob has."""
