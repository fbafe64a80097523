"""Sockets of clients that may fall silent: a wait for bytes, in either direction, ends after some seconds without any.

It is never a limit for a whole body or answer, which may take as long as its client is slow.
"""

from __future__ import annotations

import io
import socket
import ssl
import struct
from typing import Any

# Seconds, unless a server says otherwise.
IDLE_TIMEOUT = 60
# RFC 8446, 5.1: the most bytes of a record. Python's limit of a TLS socket is one for all bytes of a call.
_RECORD = 16 * 1024


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """Have each wait for a byte of the client end after so many seconds, with an OSError.

    By the kernel where that is possible: a socket with a limit of Python's does not block, so `sendfile` would fail on
    it, and each call would begin with one more of the system.
    """
    if isinstance(connection, ssl.SSLSocket):
        connection.settimeout(seconds)
        return
    connection.settimeout(None)
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def send_all(connection: socket.socket, content: bytes | memoryview) -> None:
    """Send bytes on a connection that `limit_waits` has prepared."""
    if not isinstance(connection, ssl.SSLSocket):
        connection.sendall(content)
        return
    rest = memoryview(content)
    while rest:
        rest = rest[connection.send(rest[:_RECORD]) :]


class SocketWriter(io.BufferedIOBase):
    """Writes on a socket that has a limit of Python's (`settimeout`), which is one for all bytes of `sendall`."""

    def __init__(self, connection: socket.socket):
        self._connection = connection

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        rest = memoryview(content).cast("B")
        size = len(rest)
        piece = _RECORD if isinstance(self._connection, ssl.SSLSocket) else size
        while rest:
            rest = rest[self._connection.send(rest[:piece]) :]
        return size

    def fileno(self) -> int:
        return self._connection.fileno()
