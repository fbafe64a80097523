"""Sockets of clients that may fall silent: a wait for a byte, in either direction, has a limit.

A whole body or answer has none: it may take as long as a slow client needs.
"""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any

from moto_ecr_ext.platforms import sockets as platform

# Seconds, by default.
IDLE_TIMEOUT = 60
# RFC 8446, 5.1: the most bytes of a record. Python's timeout of a socket limits all bytes of a call together.
_RECORD = 16 * 1024


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """End each wait for a byte of the client after `seconds`, with an OSError.

    The kernel does it if possible: Python's timeout makes a socket non-blocking, so that `sendfile` fails on it, and
    each call needs another system call.
    """
    if isinstance(connection, ssl.SSLSocket) or not platform.LIMITS_OF_SYSTEM:
        connection.settimeout(seconds)
        return
    connection.settimeout(None)
    platform.limit_waits(connection, seconds)


def send_all(connection: socket.socket, content: bytes | memoryview) -> None:
    """Send bytes on a connection that `limit_waits` has prepared."""
    if platform.LIMITS_OF_SYSTEM and not isinstance(connection, ssl.SSLSocket):
        connection.sendall(content)
        return
    _send_in_pieces(connection, memoryview(content))


def _send_in_pieces(connection: socket.socket, rest: memoryview) -> None:
    """Send bytes on a socket with Python's timeout, which begins anew with each piece."""
    piece = _RECORD if isinstance(connection, ssl.SSLSocket) else len(rest)
    while rest:
        rest = rest[connection.send(rest[:piece]) :]


class SocketWriter(io.BufferedIOBase):
    """A writer for a socket with Python's timeout (`settimeout`), which would limit all bytes of `sendall` together."""

    def __init__(self, connection: socket.socket):
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        rest = memoryview(content).cast("B")
        _send_in_pieces(self._connection, rest)
        return len(rest)

    def fileno(self) -> int:
        return self._connection.fileno()


class ReceivedBefore(io.RawIOBase):
    """A reader that returns bytes that were received before, and then those of the connection."""

    def __init__(self, received: bytes, rest: io.RawIOBase):
        self._received = received
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if not self._received:
            return self._rest.readinto(buffer)
        size = min(len(buffer), len(self._received))
        buffer[:size] = self._received[:size]
        self._received = self._received[size:]
        return size

    def close(self) -> None:
        self._rest.close()
        super().close()


def unread(handler: Any, received: bytes) -> None:
    """Make the next reader of a handler begin with the received bytes, even if some were read."""
    handler.rfile = io.BufferedReader(ReceivedBefore(received, handler.rfile.detach()))
