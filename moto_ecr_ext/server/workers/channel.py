"""Connections that one process of a server passes to another, with the bytes that it has received."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import suppress
from typing import Any

from moto_ecr_ext.platforms.sockets import (
    AF_UNIX,
    limit_receiving,
    receive_descriptors,
    send_descriptors,
)

# Bytes of a message: more than the buffer of a connection holds.
_LARGEST = 256 * 1024


class PassedConnection(socket.socket):
    """A connection of which another process has `received` bytes, which its reader is to read first.

    Its first request is for this process. The other process has admitted it, within the limit of connections.
    """

    is_admitted = True

    def __init__(self, descriptor: int, received: bytes) -> None:
        super().__init__(fileno=descriptor)
        self.received = received
        self.is_at_first_request = True


class Channel:
    """One end of a channel between processes. For a server that accepts passed connections, it is a listening socket.

    A connection and its received bytes are one datagram, so that a killed process leaves no half of one.
    """

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        with suppress(OSError):  # macOS limits datagrams to 2 KiB by default.
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST)

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Return the two ends of a new channel."""
        assert AF_UNIX is not None
        ours, theirs = socket.socketpair(AF_UNIX, socket.SOCK_DGRAM)
        return cls(ours), cls(theirs)

    def fileno(self) -> int:
        return self._end.fileno()

    def again(self) -> Channel:
        """Return a duplicate of this end, which stays open when this one is closed."""
        return Channel(self._end.dup())

    def close(self) -> None:
        self._end.close()

    def limit_waits(self, seconds: float) -> None:
        """Let `accept` wait for at most `seconds`, and then raise OSError."""
        limit_receiving(self._end, seconds)

    def send(self, handler: Any) -> None:
        """Pass on the connection of a handler, of which some bytes were received but none were read."""
        assert send_descriptors is not None
        send_descriptors(self._end, [handler.rfile.peek()], [handler.connection.fileno()])
        # `shutdown` would end the connection for the other process too.
        os.close(handler.connection.detach())

    def accept(self) -> tuple[PassedConnection, Any]:
        """Wait for a connection. Return it with the address of its client."""
        assert receive_descriptors is not None
        received, descriptors, _, _ = receive_descriptors(self._end, _LARGEST, 1)
        if not descriptors:
            # The system closes a passed connection if there is no descriptor for it.
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        os.set_inheritable(descriptors[0], False)
        connection = PassedConnection(descriptors[0], received)
        try:
            return connection, connection.getpeername()
        except OSError:  # The client has closed the connection.
            connection.close()
            raise
