"""The connections of a server: how many are open, and which of them wait for a request."""

from __future__ import annotations

import socket
import threading
from collections.abc import MutableSequence
from contextlib import suppress

# Each takes a thread and some descriptors, which the process has not without end.
MAX_CONNECTIONS = 512
# Connections beyond the limit that get an answer which says so; further ones are closed.
_REFUSED_POLITELY = 32


class OpenConnections:
    """What a server knows of its connections. `limit` is how many it serves at once."""

    def __init__(self, limit: int = MAX_CONNECTIONS):
        self.limit = limit
        # Those that wait for a request. Who reads one adds it here first, and looks at `are_ending` then: it will be
        # seen by `finish`, or sees that.
        self.waiting: set[socket.socket] = set()
        self.are_ending = False
        # Of each process of the server, the own one at `_own`.
        self._counts: MutableSequence[float] = [0]
        self._own = 0
        self._changed = threading.Condition()

    def share(self, counts: MutableSequence[float], own: int) -> None:
        """Count with other processes of the server, each in its own place of `counts`."""
        with self._changed:
            counts[own] = self._counts[self._own]
            self._counts, self._own = counts, own

    @property
    def are_too_many(self) -> bool:
        return sum(self._counts) > self.limit

    def enter(self) -> bool:
        """Count another connection, unless there is no room even for a refusal. Return whether it is counted."""
        with self._changed:
            if sum(self._counts) >= self.limit + _REFUSED_POLITELY:
                return False
            self._counts[self._own] += 1
            return True

    def leave(self) -> None:
        """Count one connection less."""
        with self._changed:
            self._counts[self._own] -= 1
            self._changed.notify_all()

    def wait_for_an_end(self, seconds: float) -> None:
        """Wait until a connection ends, at most for so many seconds."""
        with self._changed:
            self._changed.wait(seconds)

    def finish(self, seconds: float) -> int:
        """Let requests under way end, at most for so many seconds. Return how many connections are left.

        The server must accept none by now.
        """
        self.are_ending = True
        for connection in list(self.waiting):
            expect_no_more(connection)
        with self._changed:
            self._changed.wait_for(lambda: self._counts[self._own] == 0, seconds)
            return int(self._counts[self._own])


def expect_no_more(connection: socket.socket) -> None:
    """Have the reader of a connection find its end behind what has come: a request that was sent is answered."""
    with suppress(OSError):  # The client has gone.
        # Not TLS's own `shutdown`, which would end TLS.
        socket.socket.shutdown(connection, socket.SHUT_RD)
