"""The last requests that the process has answered, for people who want to see what happens.

They are in memory, as counts are.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from .forks import fork_safe_lock
from .siblings import Siblings

# Of each process, with the oldest dropped.
_MOST = 200


class AnsweredRequest(NamedTuple):
    """A request that was answered. `number` is that of the one before and one.

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
        """Note a request that has been answered."""
        with self._lock:
            self._number += 1
            self._requests.append(AnsweredRequest(self._number, at, what, status, took, about))

    def behind(self, number: int) -> list[AnsweredRequest]:
        """Return the requests behind the one with a number, as far as they are kept, the first first."""
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
