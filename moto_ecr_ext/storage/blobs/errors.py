"""Errors of blob stores."""

from __future__ import annotations


class BlobNotFound(Exception):
    """The store has no blob of this digest."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"no blob {digest}")
        self.digest = digest


class BlobDamaged(BlobNotFound):
    """The stored bytes do not have this digest. They are never served."""


class UploadTruncated(Exception):
    """The store holds only `size` bytes of an upload, fewer than the position to resume at."""

    def __init__(self, upload_id: str, size: int) -> None:
        super().__init__(f"upload {upload_id} holds only {size} bytes")
        self.upload_id = upload_id
        self.size = size


class UploadCancelled(Exception):
    """The upload was cancelled while this session was using it."""

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"upload {upload_id} was cancelled")
        self.upload_id = upload_id


class UploadDiscarded(OSError):
    """The bytes of an upload may not have reached the disk. They are discarded; the client has to send them again."""


class DigestMismatch(Exception):
    """The bytes of an upload do not have the digest to commit them under."""

    def __init__(self, digest: str, actual: str) -> None:
        super().__init__(f"bytes with digest {actual} cannot be blob {digest}")
        self.digest = digest
        self.actual = actual


class BlobStoreUnavailable(OSError):
    """The blob store cannot be reached, or refuses requests. The failure may be temporary."""
