"""The connections of a server: the number of open ones, and those that wait for a request."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from contextvars import ContextVar

from moto_ecr_ext.process import this_process

# Each needs a thread and some descriptors, which are limited.
MAX_CONNECTIONS = 512
# Connections beyond the limit that are answered with the reason at once; further ones wait for that.
_REFUSED_POLITELY = 32


class OpenConnections:
    """The connections of a server. `limit` is the number that it serves at once."""

    def __init__(self, limit: int = MAX_CONNECTIONS):
        self.limit = limit
        # Connections that wait, mostly for a request. Each is added before `are_ending` is checked: either `finish`
        # sees the connection, or the reader sees the end.
        self.waiting: set[socket.socket] = set()
        self.are_ending = False
        # The numbers of all processes of the server, with this process's number at `_own`.
        self._counts, self._own = this_process().connections()
        self._changed = threading.Condition()

    @property
    def are_too_many(self) -> bool:
        return sum(self._counts) > self.limit

    def enter(self) -> bool:
        """Count a new connection, unless too many are being refused. Return True if it is counted."""
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

    def begin_waiting(self, connection: socket.socket) -> None:
        """Let `finish` end the input of a connection, now and until `waiting` does not have it any more."""
        self.waiting.add(connection)
        if self.are_ending:
            expect_no_more(connection)

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


connections_of_server: ContextVar[OpenConnections] = ContextVar("moto_ecr_connections")
"""The connections of the server whose connection this thread serves."""


def expect_no_more(connection: socket.socket) -> None:
    """End the input of a connection after the received bytes. Its reader still answers a received request."""
    with suppress(OSError):  # The client has closed the connection.
        # TLS's own `shutdown` would end TLS.
        socket.socket.shutdown(connection, socket.SHUT_RD)
