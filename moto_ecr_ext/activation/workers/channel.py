"""Connections that one process of a server passes on to another, with what was received of them."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import Any

# Bytes of a message: more than the buffer of a connection has.
_LARGEST = 256 * 1024


class PassedConnection(socket.socket):
    """A connection of which another process has `received` something, which its reader is to begin with.

    Its first request is for this process.
    """

    def __init__(self, descriptor: int, received: bytes) -> None:
        super().__init__(fileno=descriptor)
        self.received = received
        self.is_at_first_request = True


class Channel:
    """One end of the way between processes. It is a listening socket to a server that accepts what was passed.

    A connection and what was received of it are one datagram, so that a process which is killed leaves no half of one.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        with suppress(OSError):  # By default macOS takes datagrams of 2 KiB only.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Make the two ends."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        return self._end.fileno()

    def again(self) -> Channel:
        """Return the same end once more, which stays when this one is closed."""
        return Channel(self._end.dup())

    def close(self) -> None:
        self._end.close()

    def send(self, handler: Any) -> None:
        """Pass the connection of a handler on, which has received something of a request and read nothing of it."""
        socket.send_fds(self._end, [handler.rfile.peek()], [handler.connection.fileno()])
        # Not by `shutdown`, which would end it for the other process too.
        os.close(handler.connection.detach())

    def accept(self) -> tuple[PassedConnection, Any]:
        """Wait for a connection. Return it with the address of its client."""
        received, descriptors, _, _ = socket.recv_fds(self._end, _LARGEST, 1)
        if not descriptors:
            # The system closes a connection for which there is no descriptor.
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        os.set_inheritable(descriptors[0], False)
        connection = PassedConnection(descriptors[0], received)
        try:
            return connection, connection.getpeername()
        except OSError:  # The client has gone.
            connection.close()
            raise
