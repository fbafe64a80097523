"""Numbers that the processes of a server share, in memory that each of them maps."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import MutableSequence
from typing import Any

_NUMBERS = 2
# Seconds between two beats of a worker.
BEAT = 0.5


class SharedNumbers:
    """The shared numbers. Each is a float that one instruction reads or writes."""

    def __init__(self, descriptor: int) -> None:
        numbers: Any = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        self.due: MutableSequence[float] = numbers[0:1]
        """The next time at which something is due: see `Schedule`."""
        self._all_motos = numbers[1:2]
        processes = (len(numbers) - _NUMBERS) // 2
        self.connections: MutableSequence[float] = numbers[_NUMBERS : _NUMBERS + processes]
        """The number of connections of each process, moto's first."""
        self.beats: MutableSequence[float] = numbers[_NUMBERS + processes :]
        """A number of each process that grows while the process runs."""

    @staticmethod
    def file(workers: int) -> int:
        """Create the file, without a name, that this many workers map. Return its descriptor."""
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
        os.ftruncate(descriptor, 8 * (_NUMBERS + 2 * (1 + workers)))
        return descriptor

    def is_all_motos(self) -> bool:
        """Return True if moto serves everything, since IAM is or may be enforced, or faults are active."""
        return bool(self._all_motos[0])

    def leave_all_to_moto(self, is_so: bool) -> None:
        """Set whether moto serves everything."""
        self._all_motos[0] = is_so
