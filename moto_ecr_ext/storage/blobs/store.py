"""The bytes of a registry: what a blob store offers, wherever it keeps them.

A store knows bytes and their digests. Which repository holds a blob, and how much of
an upload was acknowledged, is in the database.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager

from .blob import Blob
from .errors import BlobDamaged
from .removal import Removal
from .sessions import UploadSession


class BlobStore(ABC):
    """Blobs by digest, and the uploads that are to become blobs; for many threads at once.

    All that takes a digest or an upload id raises `ValueError` for text that is not well-formed.
    """

    @abstractmethod
    def owner(self) -> str | None:
        """Return the database whose blobs these are, as a note beside them says; None without a note."""

    @abstractmethod
    def claim(self, owner: str) -> None:
        """Note that these are the blobs of the database `owner`, unless there is such a note."""

    @abstractmethod
    def upload(self, upload_id: str) -> AbstractContextManager[UploadSession]:
        """Open a session of an upload. Another one for the same id waits until this one is left.

        An upload lasts from its first byte until it is committed or cancelled, over any number of
        sessions. Each finds all bytes ever appended, acknowledged or not: call `resume_at` first.
        """

    @abstractmethod
    def cancel(self, upload_id: str) -> None:
        """Remove an upload, if it exists, without waiting for its session, which cannot commit then."""

    @abstractmethod
    def open(self, digest: str) -> Blob:
        """Open the blob of this digest. Raises `BlobNotFound`, and `BlobDamaged` if that is noticed."""

    def size(self, digest: str) -> int:
        """Return the size of a blob. Raises `BlobNotFound` and `BlobDamaged` as `open` does."""
        with self.open(digest) as blob:
            return blob.size

    def verify(self, digest: str) -> int:
        """Read a whole blob, and return its size. Raises `BlobNotFound` and `BlobDamaged`."""
        with self.open(digest) as blob:
            if not blob.has_digest(digest):
                raise BlobDamaged(digest)
            return blob.size

    @abstractmethod
    def removal(self, digests: Collection[str]) -> Removal:
        """Return a removal, which only these blobs may step aside in. It may take time to get ready."""

    @abstractmethod
    def set_aside(self, digest: str | None = None) -> Iterator[str]:
        """Return the blobs, or only this one, that are aside: in a removal, or since one that was broken off."""

    @abstractmethod
    def put_back(self, digest: str) -> None:
        """Give a blob that is aside its name again, unless it was committed anew."""

    def delete(self, digest: str) -> None:
        """Remove a blob, if it exists, whoever may be about to commit it. Whoever has it open keeps it."""
        with self.removal([digest]) as removal:
            removal.step_aside([digest])
            removal.confirm([digest])

    @abstractmethod
    def digests(self) -> Iterator[str]:
        """Return every blob. One that comes or goes meanwhile may be missing or listed."""

    @abstractmethod
    def upload_ids(self) -> Iterator[str]:
        """Return every upload that has bytes or is in a session."""

    def close(self) -> None:  # noqa: B027  Most stores have nothing to let go of.
        """Let go of the place, so that another store may use it. Stores share most places."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything, uploads too, without waiting for readers and sessions."""
