"""Sockets of clients that may fall silent: a wait for bytes, in either direction, ends after some seconds without any.

It is never a limit for a whole body or answer, which may take as long as its client is slow.
"""

from __future__ import annotations

import io
import socket
import ssl
from typing import Any

from moto_ecr_ext.platforms import sockets as platform

# Seconds, unless a server says otherwise.
IDLE_TIMEOUT = 60
# RFC 8446, 5.1: the most bytes of a record. Python's limit of a socket is one for all bytes of a call.
_RECORD = 16 * 1024


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """Have each wait for a byte of the client end after so many seconds, with an OSError.

    By the kernel where that is possible: a socket with a limit of Python's does not block, so `sendfile` would fail on
    it, and each call would begin with one more of the system.
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
    """Send bytes on a socket with a limit of Python's, which counts from piece to piece."""
    piece = _RECORD if isinstance(connection, ssl.SSLSocket) else len(rest)
    while rest:
        rest = rest[connection.send(rest[:piece]) :]


class SocketWriter(io.BufferedIOBase):
    """Writes on a socket that has a limit of Python's (`settimeout`), which is one for all bytes of `sendall`."""

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
    """What comes on a connection, behind bytes that were received before."""

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
    """Have the next reader of a handler find what was received, though some of it was read."""
    handler.rfile = io.BufferedReader(ReceivedBefore(received, handler.rfile.detach()))
