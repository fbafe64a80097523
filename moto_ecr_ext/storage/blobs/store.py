"""The interface of blob stores.

A store knows bytes and their digests. The database knows which repository holds a blob, and how many bytes of an upload
are acknowledged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager

from .blob import BlobReader
from .errors import BlobDamaged
from .removal import Removal
from .sessions import UploadSession


class BlobStore(ABC):
    """Blobs by digest, and uploads that are to become blobs; for many threads at once.

    All methods raise `ValueError` for a malformed digest or upload id.
    """

    @abstractmethod
    def owner(self) -> str | None:
        """Return the database that owns these blobs, from the note beside them, or None."""

    def problem(self) -> str | None:
        """Return why the store cannot be used, in one line, or None. Raises OSError if it does not answer."""
        return None if self.owner() is not None else "the blob store is empty"

    @abstractmethod
    def claim(self, owner: str) -> None:
        """Note that the database `owner` owns these blobs, unless such a note exists."""

    @abstractmethod
    def upload(self, upload_id: str) -> AbstractContextManager[UploadSession]:
        """Open a session of an upload, once no other session of the same id is open.

        An upload lasts from its first byte until it is committed or cancelled, over any number of sessions. Each
        session has all bytes ever appended, even unacknowledged ones: call `resume_at` first.
        """

    @abstractmethod
    def cancel(self, upload_id: str) -> None:
        """Remove an upload, if it exists, without waiting for its session, which then cannot commit."""

    @abstractmethod
    def open(self, digest: str) -> BlobReader:
        """Open the blob of this digest. Raises `BlobNotFound`, and `BlobDamaged` if damage is noticed."""

    def size(self, digest: str) -> int:
        """Return the size of a blob in bytes. Raises `BlobNotFound` and `BlobDamaged` as `open` does."""
        with self.open(digest) as blob:
            return blob.size

    def verify(self, digest: str) -> int:
        """Read a whole blob, and return its size in bytes. Raises `BlobNotFound` and `BlobDamaged`."""
        with self.open(digest) as blob:
            if not blob.has_digest(digest):
                raise BlobDamaged(digest)
            return blob.size

    @abstractmethod
    def removal(self, digests: Collection[str]) -> Removal:
        """Return a removal, in which only these blobs may be set aside. Preparing it may take time."""

    @abstractmethod
    def set_aside(self, digest: str | None = None) -> Iterator[str]:
        """Return the blobs, or only this one, that are set aside: by a removal under way, or by one that broke off."""

    @abstractmethod
    def put_back(self, digest: str) -> None:
        """Put back a blob that is set aside, unless it was committed anew."""

    def delete(self, digest: str) -> None:
        """Delete a blob, if it exists, even while it is being committed. Readers keep the blobs that they have open."""
        with self.removal([digest]) as removal:
            removal.step_aside([digest])
            removal.confirm([digest])

    @abstractmethod
    def digests(self) -> Iterator[str]:
        """Return the digest of every blob. A blob that is added or deleted meanwhile may be missing or listed."""

    @abstractmethod
    def upload_ids(self) -> Iterator[str]:
        """Return the id of every upload that has bytes or an open session."""

    def close(self) -> None:  # noqa: B027  Most stores have nothing to let go of.
        """Release the place, so that another store may use it. Most places can be shared."""

    @abstractmethod
    def clear(self) -> None:
        """Remove everything, including uploads, without waiting for readers and sessions."""
