"""The connections of moto's server and proxy: limited, counted, and closed after silence."""

from __future__ import annotations

import errno
import json
import logging
import socket
import socketserver
import ssl
import sys
import threading
import time
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from werkzeug.http import http_date
from werkzeug.serving import ThreadedWSGIServer

from moto_ecr_ext.distribution.carriers.bodies import read_body
from moto_ecr_ext.distribution.carriers.open_connections import (
    OpenConnections,
    connections_of_server,
)
from moto_ecr_ext.distribution.carriers.sockets import IDLE_TIMEOUT, SocketWriter, unread
from moto_ecr_ext.platforms.processes import allow_open_files, most_open_files
from moto_ecr_ext.platforms.sockets import REUSE_ADDRESS

log = logging.getLogger("moto_ecr_ext")

# Errors for a lack of descriptors or memory. The connection stays in the queue until there are some.
_OUT_OF_RESOURCES = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# Descriptors: for the socket, a blob, and a database with its log.
_PER_CONNECTION = 4
_CLIENT_HAS_GONE = (ConnectionError, TimeoutError, ssl.SSLError)
# Seconds between two looks of a server whether it is to end.
_LOOK = 0.1
# Seconds after which a server without descriptors tries again, if no connection ends before.
_RETRY = 0.5
# Seconds and bytes for the request of a client that is then refused for too many connections.
_REFUSAL = 2
_READ = 64 * 1024
# Seconds after which the log mentions refused connections again.
_WARN_AGAIN = 60

_MESSAGE = "The server has too many connections; try again"
# Of both protocols, since the request is not read.
_BODY = json.dumps(
    {
        "errors": [{"code": "UNAVAILABLE", "message": _MESSAGE}],
        "__type": "ServiceUnavailableException",
        "message": _MESSAGE,
    }
)


class CountedConnections(socketserver.ThreadingMixIn):
    """The connections of a server, beside the service on them."""

    idle_timeout: float = IDLE_TIMEOUT
    allow_reuse_address = REUSE_ADDRESS
    request_queue_size = 128

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.connections = OpenConnections()
        self._warn_at = 0.0
        super().__init__(*arguments, **options)

    def serve_forever(self, poll_interval: float = _LOOK) -> None:
        """Accept connections until `shutdown`, or, in the main thread, until the exception of a signal.

        Such an exception may come at any instruction, also between `accept` and the start of the thread that serves
        the connection, which would then be lost. So another thread accepts, and the main thread waits.
        """
        serve = super().serve_forever  # type: ignore[misc]
        if threading.current_thread() is not threading.main_thread():
            serve(poll_interval)
            return
        accepting = threading.Thread(
            target=serve, args=(poll_interval,), name="accepting", daemon=True
        )
        accepting.start()
        try:
            while accepting.is_alive():
                accepting.join(poll_interval)  # On Windows, a wait without an end ignores Ctrl-C.
        finally:
            self.shutdown()  # type: ignore[attr-defined]

    def get_request(self) -> Any:
        """Accept a connection, once a descriptor is free: without the wait, the caller would retry at once."""
        try:
            return super().get_request()  # type: ignore[misc]
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                self.connections.wait_for_an_end(_RETRY)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        # Further clients wait in the system's queue until those that are refused have their answers.
        while not self.connections.enter():
            self.connections.wait_for_an_end(_RETRY)
        try:
            super().process_request(request, client_address)
        except Exception:
            self.connections.leave()  # No thread could start.
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.leave()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection, on a separate thread."""
        connections_of_server.set(self.connections)
        # Another process that has passed a connection on may still count it.
        is_refused = self.connections.are_too_many and not getattr(request, "is_admitted", False)
        request.settimeout(_REFUSAL if is_refused else self.idle_timeout)
        if isinstance(request, ssl.SSLSocket):
            try:
                request.do_handshake()
            except (
                OSError
            ):  # The client has closed the connection, is silent, or uses another protocol.
                return
        if is_refused:
            self._warn_of_refusals()
            _refuse(request)
        else:
            super().finish_request(request, client_address)  # type: ignore[misc]

    def _warn_of_refusals(self) -> None:
        """Log that connections are refused, now and then: there may be many."""
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _WARN_AGAIN
            log.warning(
                "Connections are refused, since %d are open (--max-connections)",
                self.connections.limit,
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log an error of a handler, unless the client has closed the connection."""
        if not isinstance(sys.exc_info()[1], _CLIENT_HAS_GONE):
            super().handle_error(request, client_address)  # type: ignore[misc]


class CountedWSGIServer(CountedConnections, ThreadedWSGIServer):
    """moto's server."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        if self.ssl_context is not None:
            # By default a TLS handshake happens in `accept`, while all other clients wait.
            self.socket.do_handshake_on_connect = False  # type: ignore[attr-defined]


class CountedProxyServer(CountedConnections, ThreadingHTTPServer):
    """moto's proxy."""


def raise_limit(connections: int) -> None:
    """Allow the process to open the files that this many connections need, as far as its limit permits."""
    allow_open_files(connections * _PER_CONNECTION)


def within_limit(connections: int) -> int:
    """Return the number of connections that the process can serve at once, with the files that they need."""
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
    """Limit the waits of a connection's handler for each byte of its client, as set for the server."""
    handler.connection.settimeout(getattr(handler.server, "idle_timeout", IDLE_TIMEOUT))
    handler.wfile = SocketWriter(handler.connection)
    received = getattr(handler.connection, "received", b"")
    if received:  # A worker has received them, and passed the connection on.
        unread(handler, received)


def _refuse(connection: socket.socket) -> None:
    """Report that there are too many connections, once the client has sent something, so that it reads the answer."""
    with suppress(OSError):
        is_head = connection.recv(_READ).startswith(b"HEAD ")
        SocketWriter(connection).write(_too_many("" if is_head else _BODY))
        socket.socket.shutdown(connection, socket.SHUT_WR)
        until = time.monotonic() + _REFUSAL
        while time.monotonic() < until and connection.recv(_READ):
            pass


def _too_many(body: str) -> bytes:
    headers = {
        "Content-Type": "application/json",
        "Content-Length": str(len(_BODY)),
        "Retry-After": "1",
        "Connection": "close",
        "Date": http_date(),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 503 Service Unavailable\r\n{lines}\r\n{body}".encode()


def read_form(environ: dict[str, Any]) -> None:
    """Read the body of a form now: moto's server would read it while all other requests wait.

    It holds a lock while it looks for the service of a request, and reads forms for that.
    """
    if not environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        return
    length = environ.get("CONTENT_LENGTH", "")
    if length.isdecimal():
        read_body(environ, int(length))
