"""Numbers that the processes of a server share, in memory that all of them map."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import MutableSequence
from typing import Any

_NUMBERS = 2


class Page:
    """The shared numbers. Each is a float that one instruction reads or writes."""

    def __init__(self, descriptor: int) -> None:
        numbers: Any = memoryview(mmap.mmap(descriptor, 0)).cast("d")
        self.due: MutableSequence[float] = numbers[0:1]
        """When something is due next, see `Schedule`."""
        self._all_motos = numbers[1:2]
        self.connections: MutableSequence[float] = numbers[_NUMBERS:]
        """How many connections each process has: that of moto is the first."""

    @staticmethod
    def file(workers: int) -> int:
        """Make the file that the processes of so many workers map, without a name. Return its descriptor."""
        descriptor, path = tempfile.mkstemp()
        os.unlink(path)
        os.ftruncate(descriptor, 8 * (_NUMBERS + 1 + workers))
        return descriptor

    def is_all_motos(self) -> bool:
        """Return whether moto serves everything, since IAM is enforced or may be with the next request."""
        return bool(self._all_motos[0])

    def leave_all_to_moto(self, is_so: bool) -> None:
        """Say whether moto serves everything."""
        self._all_motos[0] = is_so
