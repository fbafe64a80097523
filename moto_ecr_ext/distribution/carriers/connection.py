"""The registry on the connections of moto's server: kept alive, read and written without copies.

werkzeug's server closes a connection after each request, and hands bodies through its own readers. Requests for the
registry are taken before that, on the request handler, before anything of them is read: the body is received from the
socket straight into the buffer that is hashed and written (`bodies`), and blobs leave by sendfile or from a map of
their file.
"""

from __future__ import annotations

import logging
import mmap
import os
import socket
import ssl
import struct
import time
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http.server import BaseHTTPRequestHandler

from moto_ecr_ext.caller import LOOPBACK
from moto_ecr_ext.distribution.app import is_for_registry, respond
from moto_ecr_ext.distribution.errors import RegistryError, render_error, server_failed
from moto_ecr_ext.distribution.messages import BlobSlice, Request, Response, read_query

from .bodies import SocketBody
from .heads import read_head

log = logging.getLogger("moto_ecr_ext")

# Seconds that a client may be silent, between requests and within one.
IDLE_TIMEOUT = 60
# A rest of a body that is read so that the connection can go on; with more of it the connection is closed.
_WORTH_DRAINING = 256 * 1024
# Files up to this size leave by sendfile; larger ones faster from a map, of which only a window is there at a time.
_MAPPED_FROM = 16 * 1024 * 1024
_WINDOW = 8 * 1024 * 1024


def serve(handler: BaseHTTPRequestHandler) -> bool:
    """Answer the next request on the connection of `handler`, if it is for the registry.

    False, with nothing read, for every other one, and for one whose head did not come in one piece: the server goes on
    with those, and finds the registry by WSGI. A malformed head closes the connection.
    """
    try:
        head = read_head(handler.rfile.peek())  # type: ignore[attr-defined]
        if head is None or not is_for_registry(
            head.path, head.headers.get("authorization", ""), head.query, head.host
        ):
            return False
        length = head.body_length()
    except RegistryError as error:
        _refuse(handler, error)
        return True
    handler.rfile.read(head.size)
    handler.close_connection = head.is_last
    _prepare(handler)
    body = SocketBody(handler.rfile, handler.connection, length)  # type: ignore[arg-type]
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
        response = respond(request)
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        response = render_error(server_failed())
    if not body.is_finished and not body.drain(_WORTH_DRAINING):
        handler.close_connection = True
    try:
        _send(handler, response)
        if not body.is_finished:
            _linger(handler.connection)
    except OSError:
        handler.close_connection = True  # The client went away.
    finally:
        response.close()
    return True


def _address_of(handler: BaseHTTPRequestHandler) -> str:
    """Return the IP address of the client; that of this machine for a client at a Unix socket."""
    return str(handler.client_address[0]) if handler.client_address else LOOPBACK


def _refuse(handler: BaseHTTPRequestHandler, error: RegistryError) -> None:
    """Answer a request that cannot be told from the next one on its connection, and close that."""
    handler.close_connection = True
    with suppress(OSError):  # The client went away.
        _send(handler, render_error(error))
        _linger(handler.connection)


def _prepare(handler: BaseHTTPRequestHandler) -> None:
    """Set up the connection, once: small answers leave at once, and a silent client does not stay for ever."""
    if getattr(handler, "_is_prepared_for_registry", False):
        return
    handler._is_prepared_for_registry = True  # type: ignore[attr-defined]
    if handler.connection.family != socket.AF_UNIX:
        handler.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # By the kernel, so that the socket remains a blocking one for sendfile.
    handler.connection.setsockopt(
        socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_TIMEOUT, 0)
    )


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
        handler.connection.sendall(head + response.body)


def _send_slice(connection: socket.socket, part: BlobSlice) -> None:
    descriptor = part.blob.fileno()
    if descriptor is None:
        for chunk in part.blob.chunks(part.start, part.stop):
            connection.sendall(chunk)
    elif part.size < _MAPPED_FROM and not isinstance(connection, ssl.SSLSocket):
        at = part.start
        while at < part.stop:
            sent = os.sendfile(connection.fileno(), descriptor, at, part.stop - at)
            if sent == 0:
                raise ConnectionError("the file of the blob is shorter than it was")
            at += sent
    else:
        _send_mapped(connection, descriptor, part.start, part.stop)


def _send_mapped(connection: socket.socket, descriptor: int, start: int, stop: int) -> None:
    """Send bytes of a file from maps of it, each begun at a page and let go before the next."""
    while start < stop:
        offset = start - start % mmap.ALLOCATIONGRANULARITY
        end = min(offset + _WINDOW, stop)
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        with (
            mmap.mmap(descriptor, end - offset, flags, mmap.PROT_READ, offset=offset) as window,
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
