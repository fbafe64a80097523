"""The last requests of the process, for the page.

They are in memory, like counts.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .forks import fork_safe_lock
from .siblings import Siblings

# The most requests of a process; the oldest are dropped.
_MOST = 200


class AnsweredRequest(NamedTuple):
    """A request that was answered. `number` counts the requests of the process.

    `what` is the operation, or the method and the path; `about` is a digest, or the registry. `at` is in seconds since
    the epoch, `took` in seconds.
    """

    number: int
    at: float
    what: str
    status: int
    took: float
    about: str


class RecentRequests:
    """The last requests of every registry, for many threads at once."""

    def __init__(self) -> None:
        self.siblings = Siblings()
        self._lock = fork_safe_lock()
        self._requests: deque[AnsweredRequest] = deque(maxlen=_MOST)
        self._number = 0

    def add(self, at: float, what: str, status: int, took: float, about: str) -> None:
        """Note an answered request."""
        with self._lock:
            self._number += 1
            self._requests.append(AnsweredRequest(self._number, at, what, status, took, about))

    def behind(self, number: int) -> list[AnsweredRequest]:
        """Return the requests after the one with this number, as far as they are kept, in their order."""
        for other in sorted(self.siblings.take_requests()):
            self.add(*other)
        with self._lock:
            return [each for each in self._requests if each.number > number]

    def take(self) -> list[tuple[float, str, int, float, str]]:
        """Return the requests, without numbers, and forget them: another process numbers them."""
        with self._lock:
            taken = [
                (each.at, each.what, each.status, each.took, each.about) for each in self._requests
            ]
            self._requests.clear()
            return taken
