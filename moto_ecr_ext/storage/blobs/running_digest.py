"""The sha256 of an upload, computed as its bytes arrive."""

from __future__ import annotations

from moto_ecr_ext.oci.digest import HASHERS


class RunningDigest:
    """The sha256 of an upload as its bytes arrive, and as of one marked position.

    The mark is the beginning of a body. A body that breaks off can be cut and sent again without reading the bytes
    before it again.
    """

    def __init__(self) -> None:
        self.position = 0
        self._hasher = HASHERS["sha256"]()
        self._marked_position = 0
        self._marked_hasher = self._hasher.copy()

    def update(self, data: memoryview | bytes) -> None:
        """Take in the bytes that follow `position`."""
        self._hasher.update(data)
        self.position += len(data)

    def mark(self) -> None:
        """Mark `position` as the one to rewind to."""
        self._marked_position = self.position
        self._marked_hasher = self._hasher.copy()

    def rewind(self, position: int) -> None:
        """Drop the bytes from `position` on. Bytes before it may have to be taken in again, too."""
        if position >= self.position:
            return
        if position < self._marked_position:
            self._marked_position = 0
            self._marked_hasher = HASHERS["sha256"]()
        self.position = self._marked_position
        self._hasher = self._marked_hasher.copy()

    def hexdigest(self) -> str:
        """Return the digest of the bytes up to `position`."""
        return self._hasher.hexdigest()
