"""The connections of moto's server and of its proxy: bounded, counted, and ended by silence."""

from __future__ import annotations

import errno
import io
import json
import logging
import socket
import socketserver
import ssl
import sys
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from werkzeug.serving import ThreadedWSGIServer

from moto_ecr_ext.distribution.carriers.open_connections import OpenConnections
from moto_ecr_ext.distribution.carriers.sockets import IDLE_TIMEOUT, SocketWriter, unread
from moto_ecr_ext.platforms.processes import allow_open_files, most_open_files
from moto_ecr_ext.platforms.sockets import REUSE_ADDRESS

log = logging.getLogger("moto_ecr_ext")

# There is no descriptor, or no memory, for another connection. It stays where it is until there is.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# Descriptors: the socket, a blob, a database with its log.
_PER_CONNECTION = 4
_CLIENT_HAS_GONE = (ConnectionError, TimeoutError, ssl.SSLError)
# Seconds until a server that has no descriptor left looks again, if none of its connections ends before.
_RETRY = 0.5
# Seconds and bytes that a client has for its request, before it hears that there are too many connections.
_REFUSAL = 2
_READ = 64 * 1024

_BODY = json.dumps(
    {
        "errors": [
            {"code": "UNAVAILABLE", "message": "The server has too many connections; try again"}
        ]
    }
).encode()
_TOO_MANY = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\nRetry-After: 1\r\nConnection: close\r\n\r\n%b" % (len(_BODY), _BODY)
)


class CountedConnections(socketserver.ThreadingMixIn):
    """What a server does with a connection beside serving it."""

    idle_timeout: float = IDLE_TIMEOUT
    allow_reuse_address = REUSE_ADDRESS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.connections = OpenConnections()
        self._interruption: BaseException | None = None
        super().__init__(*arguments, **options)

    def get_request(self) -> Any:
        """Accept a connection. Without a descriptor for it, wait for one: the caller would try again at once."""
        try:
            return super().get_request()  # type: ignore[misc]
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                self.connections.wait_for_an_end(_RETRY)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.connections.enter():
            self.shutdown_request(request)  # type: ignore[attr-defined]
            return
        try:
            super().process_request(request, client_address)
        except Exception:
            self.connections.leave()  # No thread could begin.
            raise
        except BaseException as error:
            # A signal ends the server. A thread may serve the connection already, which the caller would close.
            self._interruption = error

    def service_actions(self) -> None:
        """Do what follows each request that was accepted."""
        super().service_actions()  # type: ignore[misc]
        if self._interruption is not None:
            raise self._interruption

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.leave()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, on a thread of its own."""
        is_refused = self.connections.are_too_many
        request.settimeout(_REFUSAL if is_refused else self.idle_timeout)
        if isinstance(request, ssl.SSLSocket):
            try:
                request.do_handshake()
            except OSError:  # The client has gone, is silent, or speaks something else.
                return
        if is_refused:
            _refuse(request)
        else:
            super().finish_request(request, client_address)  # type: ignore[misc]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what a handler raises, unless it says that the client has gone."""
        if not isinstance(sys.exc_info()[1], _CLIENT_HAS_GONE):
            super().handle_error(request, client_address)  # type: ignore[misc]


class CountedWSGIServer(CountedConnections, ThreadedWSGIServer):
    """moto's server."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.ssl_context is not None:
            # By default a TLS socket shakes hands in `accept`, while all other clients wait.
            self.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]


class CountedProxyServer(CountedConnections, ThreadingHTTPServer):
    """moto's proxy."""


def raise_limit(connections: int) -> None:
    """Let the process open as many files as so many connections may need, or as many as it is allowed to."""
    allow_open_files(connections * _PER_CONNECTION)


def within_limit(connections: int) -> int:
    """Return how many connections the process can serve at once, with the files that they need."""
    files = most_open_files()
    if files is None or files >= connections * _PER_CONNECTION:
        return connections
    possible = max(files // _PER_CONNECTION, 1)
    log.warning(
        "%d connections are served at once instead of %d, since the process may open %d files (ulimit -n)",
        possible,
        connections,
        files,
    )
    return possible


def wait_patiently(handler: Any) -> None:
    """Have the handler of a connection wait for its client at most as long as the server says, with each byte."""
    handler.connection.settimeout(getattr(handler.server, "idle_timeout", IDLE_TIMEOUT))
    handler.wfile = SocketWriter(handler.connection)
    received = getattr(handler.connection, "received", b"")
    if received:  # By a worker, which has passed it on.
        unread(handler, received)


def _refuse(connection: socket.socket) -> None:
    """Say that there are too many connections, once the client has sent something, so that it reads the answer."""
    with suppress(OSError):
        connection.recv(_READ)
        SocketWriter(connection).write(_TOO_MANY)
        socket.socket.shutdown(connection, socket.SHUT_WR)
        until = time.monotonic() + _REFUSAL
        while time.monotonic() < until and connection.recv(_READ):
            pass


def read_form(environ: dict[str, Any]) -> None:
    """Read the body of a form now, which moto's server would do while all other requests wait.

    It holds a lock while it finds the service of a request, for which it reads forms.
    """
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal():
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
