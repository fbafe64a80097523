"""Sockets: limits of waits, files sent by the system, Unix sockets."""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
from collections.abc import Callable

AF_UNIX: int | None = getattr(socket, "AF_UNIX", None)
"""The family of Unix sockets; None where Python has none."""

send_file: Callable[[int, int, int, int], int] | None = getattr(os, "sendfile", None)
"""`send_file(socket, file, start, size)` sends bytes of a file, and returns how many; None where the system cannot."""

_POLLIN: int = getattr(select, "POLLIN", 0)

LIMITS_OF_SYSTEM: bool = send_file is not None
"""Whether the system limits waits. Python's own limits make a socket that does not block, which `send_file` needs."""

# On Windows it would let a second server take the port of the first, and no port is kept busy by old connections.
# https://learn.microsoft.com/windows/win32/winsock/using-so-reuseaddr-and-so-exclusiveaddruse
REUSE_ADDRESS: bool = not hasattr(socket, "SO_EXCLUSIVEADDRUSE")
"""Whether a server that listens needs SO_REUSEADDR, to start again at once."""


def limit_waits(connection: socket.socket, seconds: float) -> None:
    """Have the system end each wait for a byte after so many seconds, with an OSError; with LIMITS_OF_SYSTEM only."""
    limit = struct.pack("ll", int(seconds), int(seconds % 1 * 1_000_000))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)


def is_readable(descriptor: int) -> bool:
    """Return whether a socket has something to read, be it its end."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(descriptor, _POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([descriptor], [], [], 0)[0])


def check_unix_socket(path: str) -> None:
    """Raise OSError if nobody listens at a Unix socket."""
    if AF_UNIX is None:
        raise OSError(errno.EAFNOSUPPORT, "Python has no Unix sockets here")
    with socket.socket(AF_UNIX) as connection:
        connection.connect(path)
