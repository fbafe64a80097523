"""The registry on the connections of moto's server: kept alive, read and written without copies.

werkzeug's server closes a connection after each request, and hands bodies through its own readers. Requests for the
registry are taken before that, on the request handler, before anything of them is read: the body is received from the
socket straight into the buffer that is hashed and written (`bodies`), and blobs leave by sendfile or from a map of
their file.
"""

from __future__ import annotations

import logging
import mmap
import socket
import ssl
import time
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http.server import BaseHTTPRequestHandler

from moto_ecr_ext.caller import LOOPBACK, Exchange, exchanging
from moto_ecr_ext.distribution.app import is_for_registry, respond
from moto_ecr_ext.distribution.errors import RegistryError, render_error, server_failed
from moto_ecr_ext.distribution.messages import BlobSlice, Request, Response, read_query
from moto_ecr_ext.platforms.files import map_file, read_into_at
from moto_ecr_ext.platforms.sockets import AF_UNIX, send_file
from moto_ecr_ext.services.moto_process import NeedsMoto

from .bodies import BUFFER_SIZE, SocketBody, thread_buffer
from .gate import Gate
from .heads import Head, read_head
from .open_connections import OpenConnections, expect_no_more
from .sockets import IDLE_TIMEOUT, limit_waits, send_all, unread
from .watch import Watch

log = logging.getLogger("moto_ecr_ext")

# Those of servers that do not count theirs.
_UNCOUNTED = OpenConnections()
# A rest of a body that is read so that the connection can go on; with more of it the connection is closed.
_WORTH_DRAINING = 256 * 1024
# Files up to this size leave by sendfile; larger ones faster from a map, of which only a window is there at a time.
_MAPPED_FROM = 16 * 1024 * 1024
_WINDOW = 8 * 1024 * 1024


def serve(handler: BaseHTTPRequestHandler) -> bool:
    """Answer the next request on the connection of `handler`, if it is for the registry.

    False, with nothing read, for every other one, and for one whose head did not come in one piece: the server goes on
    with those, and finds the registry by WSGI. So does the process that is moto with those that a worker leaves to it.
    A malformed head closes the connection, and one that goes back to the workers ends it here.
    """
    connections: OpenConnections = getattr(handler.server, "connections", _UNCOUNTED)
    gate: Gate | None = getattr(handler.server, "gate", None)
    exchange = None
    received = _first_bytes(handler, connections)
    if not received:
        handler.close_connection = True
        return True
    try:
        head = read_head(received)
        if head is None or not is_for_registry(
            head.path, head.headers.get("authorization", ""), head.query, head.host
        ):
            return False
        exchange = Exchange(head.method, head.path)
        if gate is not None:
            gate.check(head.method, head.host, head.headers)
        hand_back = getattr(handler.server, "hand_back", None)
        if hand_back is not None and hand_back(handler, head.method, head.path):
            handler.close_connection = True
            return True
        length = head.body_length()
    except RegistryError as error:
        refuse(handler, error, exchange)
        return True
    handler.rfile.read(head.size)
    _prepare(handler)
    body = SocketBody(handler.rfile, handler.connection, length)  # type: ignore[arg-type]
    try:
        with exchanging(exchange):
            response = _respond(handler, head, body, gate)
    except NeedsMoto:
        unread(handler, received)
        return False
    is_read = body.is_finished or body.drain(_WORTH_DRAINING)
    handler.close_connection = head.is_last or connections.are_ending or not is_read
    try:
        _send(handler, response)
        if not body.is_finished:
            _linger(handler.connection)
    except OSError:
        handler.close_connection = True  # The client went away.
    finally:
        response.close()
    exchange.received = body.received
    _record(handler, exchange, response)
    return True


def _first_bytes(handler: BaseHTTPRequestHandler, connections: OpenConnections) -> bytes:
    """Return what has come of the next request, once something has; nothing if the client has gone, or stays silent."""
    connection, waiting = handler.connection, connections.waiting
    if getattr(connection, "received", b""):
        # By another process. Its body may be yet to come.
        connection.received = b""
        return handler.rfile.peek()  # type: ignore[attr-defined, no-any-return]
    waiting.add(connection)
    if connections.are_ending:
        expect_no_more(connection)
    try:
        received: bytes = handler.rfile.peek()  # type: ignore[attr-defined]
    except OSError:
        return b""
    finally:
        waiting.discard(connection)
    return received


def _respond(
    handler: BaseHTTPRequestHandler, head: Head, body: SocketBody, gate: Gate | None
) -> Response:
    request = Request(
        method=head.method,
        scheme="https" if isinstance(handler.connection, ssl.SSLSocket) else "http",
        host=head.host,
        path=head.path,
        query=read_query(head.query),
        headers=head.headers,
        body=body,
        client=_address_of(handler),
    )
    if head.headers.get("expect", "").lower() == "100-continue":
        with suppress(OSError):  # The client has gone, which its body will tell.
            handler.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        if gate is None or "origin" not in head.headers:
            return respond(request)
        response = gate.preflight(head.method, head.headers) or respond(request)
        gate.show(response, head.headers["origin"])
        return response
    except NeedsMoto:
        raise  # A client that is told to continue once more does not mind (RFC 9110, 15.2).
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return render_error(server_failed())


def _address_of(handler: BaseHTTPRequestHandler) -> str:
    """Return the IP address of the client; that of this machine for a client at a Unix socket."""
    return str(handler.client_address[0]) if handler.client_address else LOOPBACK


def refuse(
    handler: BaseHTTPRequestHandler, error: RegistryError, exchange: Exchange | None = None
) -> None:
    """Answer a request that cannot be told from the next one on its connection, and close that."""
    handler.close_connection = True
    response = render_error(error)
    _record(handler, exchange or Exchange("-", "-", name="malformed"), response)
    with suppress(OSError):  # The client went away.
        _send(handler, response)
        _linger(handler.connection)


def _record(handler: BaseHTTPRequestHandler, exchange: Exchange, response: Response) -> None:
    watch: Watch | None = getattr(handler.server, "watch", None)
    if watch is not None:
        exchange.status = response.status
        exchange.digest = response.headers.get("Docker-Content-Digest", "")
        body = response.body
        exchange.sent = body.size if isinstance(body, BlobSlice) else len(body)
        watch.record(exchange)


def _prepare(handler: BaseHTTPRequestHandler) -> None:
    """Set up the connection, once: small answers leave at once, and a silent client does not stay for ever."""
    if getattr(handler, "_is_prepared_for_registry", False):
        return
    handler._is_prepared_for_registry = True  # type: ignore[attr-defined]
    if handler.connection.family != AF_UNIX:
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    limit_waits(handler.connection, getattr(handler.server, "idle_timeout", IDLE_TIMEOUT))


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


def _send(handler: BaseHTTPRequestHandler, response: Response) -> None:
    lines = [f"HTTP/1.1 {response.status_line}", f"Date: {_date(int(time.time()))}"]
    lines += [f"{name}: {value}" for name, value in response.header_lines]
    if handler.close_connection:
        lines.append("Connection: close")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    if isinstance(response.body, BlobSlice):
        handler.connection.sendall(head)
        _send_slice(handler.connection, response.body)
    else:
        send_all(handler.connection, head + response.body)


def _send_slice(connection: socket.socket, part: BlobSlice) -> None:
    descriptor = part.blob.fileno()
    if descriptor is None:
        for chunk in part.chunks():
            send_all(connection, chunk)
    elif send_file is None or isinstance(connection, ssl.SSLSocket):
        _send_read(connection, descriptor, part.start, part.stop)
    elif part.size < _MAPPED_FROM:
        at = part.start
        while at < part.stop:
            at += _at_least_one(send_file(connection.fileno(), descriptor, at, part.stop - at))
    else:
        _send_mapped(connection, descriptor, part.start, part.stop)


def _send_read(connection: socket.socket, descriptor: int, start: int, stop: int) -> None:
    """Send bytes of a file that are read first: where the system cannot send a file, and by TLS.

    TLS reads what it sends in the process itself, which a map of a file that has become shorter would end with SIGBUS.
    The system only says so.
    """
    buffer = thread_buffer(BUFFER_SIZE)
    while start < stop:
        read = _at_least_one(read_into_at(descriptor, [buffer[: stop - start]], start))
        send_all(connection, buffer[:read])
        start += read


def _at_least_one(size: int) -> int:
    """Return the number of bytes that a file gave. Raises ConnectionError if it has ended too early."""
    if size == 0:
        log.error("The answer breaks off, since the file of the blob is shorter than it was")
        raise ConnectionError("the file of the blob is shorter than it was")
    return size


def _send_mapped(connection: socket.socket, descriptor: int, start: int, stop: int) -> None:
    """Send bytes of a file from maps of it, each begun at a page and let go before the next."""
    while start < stop:
        offset = start - start % mmap.ALLOCATIONGRANULARITY
        end = min(offset + _WINDOW, stop)
        with (
            map_file(descriptor, end - offset, offset) as window,
            memoryview(window) as view,
            view[start - offset :] as rest,
        ):
            connection.sendall(rest)
        start = end


def _linger(connection: socket.socket) -> None:
    """Let a client that is still sending read the answer: closing on unread bytes would take it away."""
    connection.shutdown(socket.SHUT_WR)
    connection.settimeout(2)
    until = time.monotonic() + 2
    while time.monotonic() < until and connection.recv(_WORTH_DRAINING):
        pass
