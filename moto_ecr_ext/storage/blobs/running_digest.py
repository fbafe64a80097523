"""The sha256 of an upload, computed as its bytes arrive."""

from __future__ import annotations

from moto_ecr_ext.oci.digest import HASHERS

from .hashing_thread import HashingThread


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
        """Return the digest of the bytes up to `position`."""
        self.settle()
        return self._hasher.hexdigest()
