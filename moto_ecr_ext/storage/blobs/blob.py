"""A blob that is open for reading, in any store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from .verification import have_digest

CHUNK = 1024 * 1024
"""The most bytes that a blob yields at once."""


class BlobReader(ABC):
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
        return have_digest(self.chunks(), digest)

    def fileno(self) -> int | None:
        """Return the descriptor of a file with exactly these bytes, for `sendfile` or `mmap`, or None.

        It is open as long as the blob. Read it by offset: its position is shared.
        """
        return None

    def url(self, seconds: int) -> str | None:
        """Return a presigned URL that is valid for `seconds`, or None if the store has no URLs."""
        return None

    def __enter__(self) -> BlobReader:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Release the bytes. Closing twice is allowed."""

    @abstractmethod
    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, which the blob has."""
