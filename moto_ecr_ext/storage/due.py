"""When the clock makes something happen in the store next.

It is kept in memory beside the rows that say so, so that a request which nothing is due for pays
for one comparison.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, MutableSequence

from .forks import fork_safe_lock, fork_safe_rlock
from .later import Later

# For what has to be looked at again with every request.
AT_ONCE = -math.inf
# For a database without rows.
NEVER = math.inf

# Nothing is due later than in a day. A time beyond was said when the clock was ahead: it is due now. The second more is
# for what a sum loses as a float.
FARTHEST = 24 * 60 * 60 + 1

# Seconds that a request waits at most for what another one does. Most work is done by then, so that a test sees what
# its clock has made due; the lifecycle of 100,000 images is not, and stops nobody.
_PATIENCE = 0.1


class Schedule:
    """The next time at which something is due, in seconds since the epoch.

    It may be too early, never too late, except that another process has put something into the same
    database; `notice` makes up for that.
    """

    def __init__(self, later: Later, next_at: float = AT_ONCE) -> None:
        """Make a schedule of rows that have not been asked yet, unless `next_at` says what they have."""
        self._later = later
        # A thread that does what is due may send an event whose target makes another request.
        self._work = fork_safe_rlock()
        self._began_at = 0.0
        # Of the times, for which nobody waits.
        self._lock = fork_safe_lock()
        self._time: MutableSequence[float] = [next_at]
        # What was said to be due while the work went on, which may have looked at that already.
        self._expected_meanwhile = math.inf

    @property
    def _next_at(self) -> float:
        return self._time[0]

    @_next_at.setter
    def _next_at(self, at: float) -> None:
        self._time[0] = at

    def share(self, time: MutableSequence[float]) -> None:
        """Keep the time in the place of several processes, of which one has a schedule that works."""
        time[0] = self._next_at
        self._time = time

    def follow(self, time: MutableSequence[float]) -> None:
        """Read the time where the schedule of another process keeps it."""
        self._time = time

    def is_due(self, at: float) -> bool:
        """Return whether something may be due by this time."""
        next_at = self._time[0]
        return at >= next_at or FARTHEST < next_at - at < math.inf

    def expect(self, at: float) -> None:
        """Note that something is due at this time. To be called outside of transactions."""
        with self._lock:
            self._next_at = min(self._next_at, at)
            self._expected_meanwhile = min(self._expected_meanwhile, at)

    def notice(self, due_at: float, at: float) -> None:
        """As `expect`, without the lock, at a time: the next read of the row repeats an update that is lost."""
        if due_at < self._next_at:
            self._next_at = due_at
        elif due_at - at > FARTHEST:
            self._next_at = AT_ONCE

    def catch_up(self, at: float, work: Callable[[], float]) -> None:
        """Call `work`, which does what is due and returns when something is due next, if that may be by this time.

        To be called outside of transactions. What follows the commits of the work comes after all of it. While another
        thread is at work, this one waits for a moment.
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
            # Work may be inside of work: see the lock.
            before, self._expected_meanwhile = self._expected_meanwhile, math.inf
        next_at = work()
        with self._lock:
            self._next_at = min(next_at, self._expected_meanwhile)
            self._expected_meanwhile = min(before, self._next_at)
