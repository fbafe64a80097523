"""When the clock makes something happen in the store next.

It is kept in memory beside the rows that say so, so that a request which nothing is due for pays
for one comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .forks import fork_safe_rlock
from .later import Later

# For what has to be looked at again with every request.
AT_ONCE = -math.inf


class Schedule:
    """The next time at which something is due, in seconds since the epoch.

    It may be too early, never too late, except that another process has put something into the same
    database; `notice` makes up for that.
    """

    def __init__(self, later: Later) -> None:
        self._later = later
        # A thread that does what is due may send an event whose target makes another request.
        self._lock = fork_safe_rlock()
        self._next_at = AT_ONCE  # The rows have not been asked yet.
        # What was said to be due while the work went on, which may have looked at that already.
        self._expected_meanwhile = math.inf

    def is_due(self, at: float) -> bool:
        """Return whether something may be due by this time."""
        return at >= self._next_at

    def expect(self, at: float) -> None:
        """Note that something is due at this time. To be called outside of transactions."""
        with self._lock:
            self._next_at = min(self._next_at, at)
            self._expected_meanwhile = min(self._expected_meanwhile, at)

    def notice(self, at: float) -> None:
        """As `expect`, without the lock: the next read of the row repeats an update that is lost."""
        if at < self._next_at:
            self._next_at = at

    def catch_up(self, at: float, work: Callable[[], float]) -> None:
        """Call `work`, which does what is due and returns when something is due next, if that may be by this time.

        To be called outside of transactions. What follows the commits of the work comes after all of it.
        """
        if not self.is_due(at):
            return
        with self._later.held(), self._lock:
            if self.is_due(at):
                # Work may be inside of work: see the lock.
                before, self._expected_meanwhile = self._expected_meanwhile, math.inf
                self._next_at = min(work(), self._expected_meanwhile)
                self._expected_meanwhile = min(before, self._next_at)
