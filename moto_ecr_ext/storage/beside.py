"""Work beside the requests: calls that a few threads make, which no answer waits for."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Hashable

from .forks import fork_safe_lock

log = logging.getLogger("moto_ecr_ext")

# Threads at a time: a call that takes long does not hold up all others.
_THREADS = 4
# Seconds that `close` waits for the calls that are being made.
_LAST_CALLS = 2.0


class Beside:
    """Calls in groups, each with a key. They begin in their order; a failure is logged."""

    def __init__(self) -> None:
        self._changes = threading.Condition(fork_safe_lock())
        self.is_closing = False
        self._begin()

    def _begin(self) -> None:
        # All calls that have not ended, those that have not begun, and the number of threads.
        self._calls: dict[tuple[Hashable, Hashable], Callable[[], None]] = {}
        self._waiting: deque[tuple[Hashable, Hashable]] = deque()
        self._threads = 0

    def add(self, group: Hashable, key: Hashable, call: Callable[[], None]) -> None:
        """Make a call soon, unless one of the group with this key has not ended."""
        with self._changes:
            if self.is_closing or (group, key) in self._calls:
                return
            self._calls[group, key] = call
            self._waiting.append((group, key))
            if self._threads < _THREADS:
                self._threads += 1
                threading.Thread(target=self._run, name="beside requests", daemon=True).start()

    def wait(self, group: Hashable, timeout: float) -> bool:
        """Wait until all calls of a group have ended, for at most `timeout` seconds. Return True if they have."""
        return self._wait(lambda: not any(each == group for each, _ in self._calls), timeout)

    def forget(self) -> None:
        """Drop the calls that have not begun."""
        with self._changes:
            while self._waiting:
                del self._calls[self._waiting.popleft()]
            self._changes.notify_all()

    def close(self) -> None:
        """Drop the calls that have not begun, and wait for the others for a moment. Their failures are ignored."""
        self.is_closing = True
        self.forget()
        self._wait(lambda: not self._calls, _LAST_CALLS)

    def begin_child(self) -> None:
        """Leave all calls to the parent: its threads did not survive the fork."""
        self._begin()

    def _wait(self, is_over: Callable[[], bool], timeout: float) -> bool:
        with self._changes:
            return self._changes.wait_for(is_over, timeout)

    def _run(self) -> None:
        while True:
            with self._changes:
                if not self._waiting:
                    self._threads -= 1
                    return
                name = self._waiting.popleft()
                call = self._calls[name]
            try:
                call()
            except Exception:
                if not self.is_closing:
                    log.exception("Work beside the requests has failed")
            finally:
                with self._changes:
                    self._calls.pop(name, None)
                    self._changes.notify_all()
