"""Values in memory that were stored last, up to a limit."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

from moto_ecr_ext.storage.forks import fork_safe_lock

_Value = TypeVar("_Value")


class Recent(Generic[_Value]):
    """The values that were put last, by key, at most `limit`. Threads, and children of a fork, can use it.

    A lock of functools or cachetools could stay locked in such a child.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = fork_safe_lock()
        self._values: OrderedDict[str, _Value] = OrderedDict()

    def put(self, key: str, value: _Value) -> None:
        """Store a value under its key, and drop the oldest value beyond the limit."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            if len(self._values) > self._limit:
                self._values.popitem(last=False)

    def get(self, key: str) -> _Value | None:
        """Return the value of a key, or None."""
        return self._values.get(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def pop(self, key: str) -> _Value | None:
        """Return the value of a key, or None, and drop it."""
        with self._lock:
            return self._values.pop(key, None)
