"""When the clock makes something happen in the store next.

It is kept in memory beside the rows that say so, so that a request which nothing is due for pays
for one comparison.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

log = logging.getLogger("moto_ecr_ext")

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
        self._of_thread = threading.local()
        # What was said to be due while the work went on, which may have looked at that already.
        self._expected_meanwhile = math.inf

    def is_due(self, at: float) -> bool:
        """Whether something may be due by this time."""
        return at >= self._next_at

    def expect(self, at: float) -> None:
        """Something is due at this time. To be called outside of transactions."""
        with self._lock:
            self._next_at = min(self._next_at, at)
            self._expected_meanwhile = min(self._expected_meanwhile, at)

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
        with self._followed(), self._lock:
            if self.is_due(at):
                # Work may be inside of work: see the lock.
                before, self._expected_meanwhile = self._expected_meanwhile, math.inf
                self._next_at = min(work(), self._expected_meanwhile)
                self._expected_meanwhile = min(before, self._next_at)

    def when_caught_up(self, follow: Callable[[], None]) -> None:
        """Call `follow` now, or, within work that is due, when that has ended: others wait for it."""
        followers = self._followers_of_work()
        if followers is None:
            follow()
        else:
            followers.append(follow)

    def _followers_of_work(self) -> list[Callable[[], None]] | None:
        """What waits for the work that this thread does; None where it does none."""
        return getattr(self._of_thread, "followers", None)

    @contextmanager
    def _followed(self) -> Iterator[None]:
        """Call what is to follow the work of this block when the block, and what it may be within, has ended."""
        if self._followers_of_work() is not None:
            yield
            return
        followers: list[Callable[[], None]] = []
        self._of_thread.followers = followers
        try:
            yield
        finally:
            self._of_thread.followers = None
        for follow in followers:
            try:
                follow()
            except Exception:
                # What was due is done.
                log.exception("A call that follows what was due has failed")
