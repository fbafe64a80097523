"""When the clock makes something happen in the store next.

It is kept in memory beside the rows that say so, so that a request which nothing is due for pays
for one comparison.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable

# For what has to be looked at again with every request.
AT_ONCE = -math.inf


class Schedule:
    """The next time at which something is due, in seconds since the epoch.

    It may be too early, never too late, except that another process has put something into the same
    database; `notice` makes up for that.
    """

    def __init__(self) -> None:
        # A thread that does what is due may send an event whose target makes another request.
        self._lock = threading.RLock()
        self._next_at = AT_ONCE  # The rows have not been asked yet.

    def is_due(self, at: float) -> bool:
        """Whether something may be due by this time."""
        return at >= self._next_at

    def expect(self, at: float) -> None:
        """Something is due at this time. To be called outside of transactions."""
        with self._lock:
            self._next_at = min(self._next_at, at)

    def notice(self, at: float) -> None:
        """A row that was read says the same. It will do so again, should another thread drop this."""
        if at < self._next_at:
            self._next_at = at

    def catch_up(self, at: float, work: Callable[[], float]) -> None:
        """If something may be due by this time, call `work`, which does it and says what is next.

        To be called outside of transactions.
        """
        if not self.is_due(at):
            return
        with self._lock:
            if self.is_due(at):
                self._next_at = work()
