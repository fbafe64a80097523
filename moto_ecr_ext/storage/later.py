"""Calls that follow a committed transaction."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

log = logging.getLogger("moto_ecr_ext")


class Later:
    """Calls that follow a commit, made on the thread that committed.

    They are made at once, or at the end of the thread's outermost `held` block: a call may take as long as a scanner,
    while others wait for a lock that the block holds.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def make(self, calls: Sequence[Callable[[], None]]) -> None:
        """Make calls in their order. A failure is logged: the commit before it stays."""
        waiting = self._waiting()
        if waiting is not None:
            waiting.extend(calls)
            return
        for call in calls:
            try:
                call()
            except Exception:
                log.exception("A call that follows a committed transaction has failed")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold back the calls of this block until it and its outer blocks have ended."""
        if self._waiting() is not None:
            yield
            return
        calls: list[Callable[[], None]] = []
        self._of_thread.waiting = calls
        try:
            yield
        finally:
            self._of_thread.waiting = None
            self.make(calls)

    def _waiting(self) -> list[Callable[[], None]] | None:
        found: list[Callable[[], None]] | None = getattr(self._of_thread, "waiting", None)
        return found
