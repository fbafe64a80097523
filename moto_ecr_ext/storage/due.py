"""The next time at which the clock changes the store.

It is kept in memory beside the rows, so that a request for which nothing is due pays for one comparison.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableSequence

from moto_ecr_ext.process import this_process

from .forks import fork_safe_lock, fork_safe_rlock
from .later import Later

# For work that every request looks at again.
AT_ONCE = -math.inf
# For a database without due rows.
NEVER = math.inf

# Seconds: a day, the longest time until something is due, and a second for the rounding of a sum of floats. A later
# time was written while the clock was wrong. It counts as due now.
FARTHEST = 24 * 60 * 60 + 1

# Seconds that a request waits at most for the due work of another request. Most work is done by then, so that
# a test sees the effects of its clock; the lifecycle of 100,000 images takes longer, and blocks nobody.
_PATIENCE = 0.1


class Schedule:
    """The next time at which something is due, in seconds since the epoch.

    It may be too early. It is too late only if another process has added to the same database: see `correct`.
    """

    def __init__(self, later: Later, next_at: float = AT_ONCE) -> None:
        """Make a schedule of rows that are not read yet, unless `next_at` gives their next time."""
        self._later = later
        # A thread that does the work may send an event whose target makes another request.
        self._work = fork_safe_rlock()
        self._began_at = 0.0
        # Guards the times; held for a moment only.
        self._lock = fork_safe_lock()
        self._time: MutableSequence[float] = this_process().due(next_at)
        # The times that were noted during the work, which may have passed their rows already.
        self._expected_meanwhile = math.inf

    @property
    def _next_at(self) -> float:
        return self._time[0]

    @_next_at.setter
    def _next_at(self, at: float) -> None:
        self._time[0] = at

    def is_due(self, at: float) -> bool:
        """Return True if something may be due by this time."""
        next_at = self._time[0]
        return at >= next_at or FARTHEST < next_at - at < math.inf

    def expect(self, at: float) -> None:
        """Note that something is due at this time. Call this outside transactions."""
        with self._lock:
            self._next_at = min(self._next_at, at)
            self._expected_meanwhile = min(self._expected_meanwhile, at)

    def correct(self, due_at: float, at: float) -> None:
        """Correct the schedule by the time in a row that was read, if the schedule is later, or that time too far away.

        Unlike `expect`, this needs no lock: if another thread overwrites the time, the next read corrects it again.
        """
        if due_at < self._next_at:
            self._next_at = due_at
        elif due_at - at > FARTHEST:
            self._next_at = AT_ONCE

    def catch_up(self, at: float, work: Callable[[], float]) -> None:
        """Call `work` if something may be due by this time. `work` does what is due, and returns the next time.

        Call this outside transactions. Calls that follow the commits of the work are made after all of it. While
        another thread works, this one waits for a moment.
        """
        if not self.is_due(at):
            return
        with self._later.held():
            patience = _PATIENCE - (time.perf_counter() - self._began_at)
            if not self._work.acquire(timeout=max(0.0, patience)):
                return
            try:
                if self.is_due(at):
                    self._began_at = time.perf_counter()
                    self._catch_up(work)
            finally:
                self._work.release()

    def _catch_up(self, work: Callable[[], float]) -> None:
        with self._lock:
            # The work may call `catch_up` again in this thread: see `_work`.
            before, self._expected_meanwhile = self._expected_meanwhile, math.inf
        next_at = work()
        with self._lock:
            self._next_at = min(next_at, self._expected_meanwhile)
            self._expected_meanwhile = min(before, self._next_at)
