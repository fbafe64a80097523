"""The connections of a server: the number of open ones, and those that wait for a request."""

from __future__ import annotations

import socket
import threading
from collections.abc import MutableSequence
from contextlib import suppress

# Each needs a thread and some descriptors, which are limited.
MAX_CONNECTIONS = 512
# Connections beyond the limit that get an answer with the reason; further ones are closed.
_REFUSED_POLITELY = 32


class OpenConnections:
    """The connections of a server. `limit` is the number that it serves at once."""

    def __init__(self, limit: int = MAX_CONNECTIONS):
        self.limit = limit
        # Connections that wait for a request. A reader adds its connection first and then checks `are_ending`: either
        # `finish` sees the connection, or the reader sees the end.
        self.waiting: set[socket.socket] = set()
        self.are_ending = False
        # The numbers of all processes of the server, with this process's number at `_own`.
        self._counts: MutableSequence[float] = [0]
        self._own = 0
        self._changed = threading.Condition()

    def share(self, counts: MutableSequence[float], own: int) -> None:
        """Share `counts` with other processes of the server, each of which has a place in it."""
        with self._changed:
            counts[own] = self._counts[self._own]
            self._counts, self._own = counts, own

    @property
    def are_too_many(self) -> bool:
        return sum(self._counts) > self.limit

    def enter(self) -> bool:
        """Count a new connection, unless there are too many even for a refusal. Return True if it is counted."""
        with self._changed:
            if sum(self._counts) >= self.limit + _REFUSED_POLITELY:
                return False
            self._counts[self._own] += 1
            return True

    def leave(self) -> None:
        """Count the end of a connection."""
        with self._changed:
            self._counts[self._own] -= 1
            self._changed.notify_all()

    def wait_for_an_end(self, seconds: float) -> None:
        """Wait until a connection ends, for at most `seconds`."""
        with self._changed:
            self._changed.wait(seconds)

    def finish(self, seconds: float) -> int:
        """Let requests under way finish, for at most `seconds`. Return the number of remaining connections.

        The server must not accept connections any more.
        """
        self.are_ending = True
        for connection in list(self.waiting):
            expect_no_more(connection)
        with self._changed:
            self._changed.wait_for(lambda: self._counts[self._own] == 0, seconds)
            return int(self._counts[self._own])


def expect_no_more(connection: socket.socket) -> None:
    """End the input of a connection after the received bytes. Its reader still answers a received request."""
    with suppress(OSError):  # The client has closed the connection.
        # TLS's own `shutdown` would end TLS.
        socket.socket.shutdown(connection, socket.SHUT_RD)
