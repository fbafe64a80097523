"""The registry on the connections of moto's server: kept alive, and read and written without copies.

werkzeug's server closes a connection after each request, and passes bodies through its own readers. The registry's
requests are therefore taken in the request handler, before the server reads them: bodies are received from the socket
directly into the buffer that is hashed and written (`bodies`), and blobs are sent by sendfile or from a map of their
file.
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

from moto_ecr_ext.caller import LOOPBACK
from moto_ecr_ext.calls import CallRecord, Recorder, carrying
from moto_ecr_ext.distribution.app import answer, is_for_registry
from moto_ecr_ext.distribution.errors import RegistryError, render_error, server_failed
from moto_ecr_ext.distribution.messages import BlobSlice, Request, Response, read_query
from moto_ecr_ext.faults import ConnectionEnds
from moto_ecr_ext.platforms.files import map_file, read_into_at
from moto_ecr_ext.platforms.sockets import AF_UNIX, has_gone, linger, send_file
from moto_ecr_ext.process import NeedsMoto

from .bodies import BUFFER_SIZE, SocketBody, thread_buffer
from .gate import Gate
from .heads import Head, read_head
from .open_connections import OpenConnections
from .sockets import IDLE_TIMEOUT, limit_waits, send_all, unread

log = logging.getLogger("moto_ecr_ext")

# For servers that do not count their connections.
_UNCOUNTED = OpenConnections()
# Bytes of an unread body that are read to keep the connection; with more, the connection is closed.
_WORTH_DRAINING = 256 * 1024
# Smaller files are sent by sendfile; larger ones are faster from a map, which covers a window at a time.
_MAPPED_FROM = 16 * 1024 * 1024
_WINDOW = 8 * 1024 * 1024


def serve(handler: BaseHTTPRequestHandler) -> bool:
    """Answer the next request on the connection of `handler`, if it is for the registry.

    Return False, with nothing read, for any other request, and if the head did not arrive in one piece: the server
    continues, and finds the registry by WSGI; and so if only another process can answer. A malformed head closes the
    connection.
    """
    connections: OpenConnections = getattr(handler.server, "connections", _UNCOUNTED)
    gate: Gate | None = getattr(handler.server, "gate", None)
    call = None
    received = wait_for_request(handler)
    if not received:
        handler.close_connection = True
        return True
    try:
        head = read_head(received)
        if head is None or not is_for_registry(
            head.path, head.headers.get("authorization", ""), head.query, head.host
        ):
            return False
        call = CallRecord(head.method, head.path)
        if gate is not None:
            gate.check(head.method, head.host, head.headers)
        length = head.body_length()
    except RegistryError as error:
        refuse(handler, error, call)
        return True
    handler.rfile.read(head.size)
    _prepare(handler)
    body = SocketBody(handler.rfile, handler.connection, length)  # type: ignore[arg-type]
    try:
        with carrying(call):
            response = _answer(handler, head, body, gate)
    except NeedsMoto:
        unread(handler, received)
        return False
    except ConnectionEnds as end:
        _end(handler, call, body, end)
        return True
    if head.version == "1.0":
        response.is_chunked = (
            False  # The end of the connection is that of the body (RFC 9112, 6.3).
        )
    is_read = body.is_finished or body.drain(_WORTH_DRAINING)
    handler.close_connection = head.is_last or connections.are_ending or not is_read
    try:
        _send(handler, response)
        if not body.is_finished:
            linger(handler.connection)
    except OSError:
        handler.close_connection = True  # The client has closed the connection.
    finally:
        response.close()
    call.received = body.received
    _record(handler, call, response)
    return True


def wait_for_request(handler: BaseHTTPRequestHandler) -> bytes:
    """Return bytes of the next request, without reading them; none if the client is gone or silent."""
    connections: OpenConnections = getattr(handler.server, "connections", _UNCOUNTED)
    connection = handler.connection
    if getattr(connection, "received", b""):
        # Another process received these bytes. The body may not have arrived yet.
        connection.received = b""
        return handler.rfile.peek()  # type: ignore[attr-defined, no-any-return]
    connections.begin_waiting(connection)
    try:
        received: bytes = handler.rfile.peek()  # type: ignore[attr-defined]
    except OSError:
        return b""
    finally:
        connections.waiting.discard(connection)
    return received


def _answer(
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
        with suppress(
            OSError
        ):  # The client has closed the connection, which reading its body will show.
            handler.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        if gate is None or "origin" not in head.headers:
            return answer(request)
        response = gate.preflight(head.method, head.headers) or answer(request)
        gate.show(response, head.headers["origin"])
        return response
    except (NeedsMoto, ConnectionEnds):
        raise  # A second 100 Continue does no harm (RFC 9110, 15.2).
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return render_error(server_failed())


def _address_of(handler: BaseHTTPRequestHandler) -> str:
    """Return the IP address of the client; that of this machine for a client at a Unix socket."""
    return str(handler.client_address[0]) if handler.client_address else LOOPBACK


def _end(
    handler: BaseHTTPRequestHandler, call: CallRecord, body: SocketBody, end: ConnectionEnds
) -> None:
    """End a connection without an answer, by a fault."""
    handler.close_connection = True
    if end.hangs_for:
        body.drain(_WORTH_DRAINING)
        end.hang(lambda: has_gone(handler.connection))
    call.reason = str(end)
    recorder: Recorder | None = getattr(handler.server, "recorder", None)
    if recorder is not None:
        recorder.record(call)


def refuse(
    handler: BaseHTTPRequestHandler, error: RegistryError, call: CallRecord | None = None
) -> None:
    """Answer a request whose end is not certain, and close its connection."""
    handler.close_connection = True
    response = render_error(error)
    call = call or CallRecord("-", "-", operation="malformed")
    call.error_code = error.code
    _record(handler, call, response)
    with suppress(OSError):  # The client has closed the connection.
        _send(handler, response)
        linger(handler.connection)


def _record(handler: BaseHTTPRequestHandler, call: CallRecord, response: Response) -> None:
    recorder: Recorder | None = getattr(handler.server, "recorder", None)
    if recorder is not None:
        call.status, call.sent = response.status, response.size
        recorder.record(call)


def _prepare(handler: BaseHTTPRequestHandler) -> None:
    """Prepare the connection once: small answers are sent at once, and a silent client is disconnected in the end."""
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
    if response.is_chunked:
        lines.append("Transfer-Encoding: chunked")
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
    if isinstance(response.body, BlobSlice):
        handler.connection.sendall(head)
        _send_slice(handler.connection, response.body)
    else:
        body = _in_one_chunk(response.body) if response.is_chunked else response.body
        send_all(handler.connection, head + body)


def _in_one_chunk(content: bytes) -> bytes:
    """Return a body in chunked coding (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)


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
    """Send bytes of a file after reading them, under TLS and if the system cannot send files.

    TLS reads its input in the process. If that is a map of a file that has become shorter, SIGBUS ends the process; a
    read only reports it.
    """
    buffer = thread_buffer(BUFFER_SIZE)
    while start < stop:
        read = _at_least_one(read_into_at(descriptor, [buffer[: stop - start]], start))
        send_all(connection, buffer[:read])
        start += read


def _at_least_one(size: int) -> int:
    """Return the number of bytes read from a file. Raises ConnectionError at an early end."""
    if size == 0:
        log.error("The answer breaks off, since the file of the blob is shorter than it was")
        raise ConnectionError("the file of the blob is shorter than it was")
    return size


def _send_mapped(connection: socket.socket, descriptor: int, start: int, stop: int) -> None:
    """Send bytes of a file from maps, each of which begins at a page and is released before the next."""
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
