"""Sockets: limits of waits, the end of a connection, files sent by the system, Unix sockets."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

AF_UNIX: int | None = getattr(socket, "AF_UNIX", None)
"""The family of Unix sockets; None if Python lacks it."""

send_file: Callable[[int, int, int, int], int] | None = getattr(os, "sendfile", None)
"""`send_file(socket, file, start, size)` sends bytes of a file, and returns their number; None if the system cannot."""

send_descriptors: Callable[..., int] | None = getattr(socket, "send_fds", None)
"""`send_descriptors(socket, buffers, descriptors)` passes open files to another process; None if the system cannot."""

receive_descriptors: Callable[..., tuple[bytes, list[int], int, Any]] | None = getattr(
    socket, "recv_fds", None
)
"""`receive_descriptors(socket, size, most)` is the other end of `send_descriptors`; None if the system has neither."""

_POLLIN: int = getattr(select, "POLLIN", 0)

LIMITS_OF_SYSTEM: bool = send_file is not None
"""True if the system limits waits. Python's own limits make a socket non-blocking, which `send_file` cannot use."""

# On Windows the option would let a second server take the port of the first, and old connections do not block
# a port. https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse
REUSE_ADDRESS: bool = not hasattr(socket, "SO_EXCLUSIVEADDRUSE")
"""True if a listening server needs SO_REUSEADDR for a prompt restart."""

# Bytes that are discarded at once.
_DISCARDED = 256 * 1024
# Seconds that a client has to stop sending.
_LINGERING = 2


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """Make the system end each wait for a byte after `seconds`, with an OSError; with LIMITS_OF_SYSTEM only."""
    limit_receiving(connection, seconds)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(seconds))


def limit_receiving(connection: socket.socket, seconds: float) -> None:
    """Limit waits as `limit_waits` does, but only those for bytes, or for the connections of a listening socket.

    On Linux, accepted connections inherit the limit.
    """
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(seconds))


def _timeval(seconds: float) -> bytes:
    return struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))


def is_readable(descriptor: int) -> bool:
    """Return True if a socket has something to read, including its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, _POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


def has_gone(connection: socket.socket) -> bool:
    """Return True if the other side has closed a connection, all of whose bytes have been read."""
    try:
        return is_readable(connection.fileno()) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
    except ValueError:  # TLS has received something.
        return False


def end(connection: socket.socket) -> None:
    """End a connection in both directions. The other side notices at once."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def check_unix_socket(path: str) -> None:
    """Raise OSError if nobody listens at a Unix socket."""
    if AF_UNIX is None:
        raise OSError(errno.EAFNOSUPPORT, "Python has no Unix sockets here")
    with socket.socket(AF_UNIX) as connection:
        connection.connect(path)


def linger(connection: socket.socket) -> None:
    """Let a client that is still sending read the answer: closing with unread bytes would discard it.

    Raises OSError if the client is silent for two seconds, or has gone.
    """
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(_LINGERING)
    until = time.monotonic() + _LINGERING
    while time.monotonic() < until and connection.recv(_DISCARDED):
        pass
