"""Counts of events by the minute, for metrics.

Counts are in memory, like moto's metrics: each server has its own, and a restart begins anew.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from moto_ecr_ext.process import this_process

from .forks import fork_safe_lock

# The most counts of a process; the oldest are dropped. One minute of one metric is one count.
_MOST = 100_000


class Count(NamedTuple):
    """The number of events of a registry in one minute. Minutes are counted from the epoch."""

    account_id: str
    region: str
    name: str
    of: str
    minute: int
    number: int = 0


class Counts:
    """Counts of every registry, for many threads at once."""

    def __init__(self) -> None:
        self._lock = fork_safe_lock()
        self._numbers: Counter[tuple[str, str, str, str, int]] = Counter()

    def add(self, account_id: str, region: str, name: str, of: str, at: float) -> None:
        """Count an event of a registry. `at` is in seconds since the epoch."""
        with self._lock:
            self._numbers[account_id, region, name, of, int(at // 60)] += 1
            if len(self._numbers) > _MOST:
                del self._numbers[next(iter(self._numbers))]

    def of_registry(self, account_id: str, region: str) -> list[Count]:
        """Return the counts of a registry, from all processes of the server. A minute may occur several times."""
        others = this_process().ask_others("counts", account_id=account_id, region=region)
        counts = [Count(*each) for answer in others for each in answer]
        return [*counts, *self.of_process(account_id, region)]

    def of_process(self, account_id: str, region: str) -> list[Count]:
        """Return what this process has counted of a registry."""
        with self._lock:
            return [
                Count(*key, number)
                for key, number in self._numbers.items()
                if key[:2] == (account_id, region)
            ]

    def clear(self) -> None:
        """Drop all counts."""
        with self._lock:
            self._numbers.clear()
