"""Hashing on a second thread while bytes arrive, which makes a large upload faster."""

from __future__ import annotations

import mmap
from queue import SimpleQueue
from threading import Thread

from moto_ecr_ext.oci.digest import Hasher

# Bytes of a piece: few enough to stay in the processor's cache, and enough to take longer to hash than to
# pass on.
_PIECE = 256 * 1024
_PIECES = 4


class HashingThread:
    """A thread that hashes bytes in their order, while the caller continues.

    It works on copies of at most 1 MiB in total, beyond which `take` waits. Copying takes a twentieth of the time of
    hashing.
    """

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(_PIECES):
            self._free.put(memoryview(mmap.mmap(-1, _PIECE)))
        self._taken: SimpleQueue[tuple[memoryview, int] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def take(self, data: memoryview) -> None:
        """Hash these bytes next. Their buffer may be reused afterwards."""
        while data:
            piece, data = data[:_PIECE], data[_PIECE:]
            buffer = self._free.get()
            buffer[: len(piece)] = piece
            self._taken.put((buffer, len(piece)))

    def end(self) -> None:
        """Wait until all bytes are hashed, and end the thread."""
        self._taken.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (taken := self._taken.get()) is not None:
            buffer, size = taken
            self._hasher.update(buffer[:size])
            self._free.put(buffer)
