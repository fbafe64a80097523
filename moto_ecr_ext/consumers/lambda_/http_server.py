"""A small HTTP/1.1 server for the Runtime API.

The standard library's server refuses headers of more than 64 KiB. A runtime sends up to a mebibyte in one header, the
cause of an error for X-Ray: https://github.com/aws/aws-lambda-python-runtime-interface-client,
`lambda_runtime_client.py`.
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from io import BufferedIOBase

_LONGEST_LINE = 2 * 1024 * 1024
_MOST_HEADERS = 200
_PIECE = 64 * 1024

_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


class BadRequest(Exception):
    """The error for malformed or incomplete HTTP."""


@dataclass(frozen=True)
class Request:
    """One request. Names of headers and trailers are in lower case.

    `body` has no value if it exceeds the server's limit. `is_truncated` means that the connection ended before the
    body.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes | None
    trailers: Mapping[str, str] = field(default_factory=dict)
    is_truncated: bool = False


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A server with a thread for each connection, on a free port. `limit` is the greatest size of a body, in bytes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(self, host: str, respond: Callable[[Request], Response | None], limit: int):
        self.respond = respond
        self.limit = limit
        self._host = "127.0.0.1" if host == "0.0.0.0" else host  # nosec B104
        self._is_closed = False
        super().__init__((host, 0), _Connection)
        self.port: int = self.server_address[1]

    def start(self) -> None:
        """Serve requests in a thread, until `close`."""
        threading.Thread(target=self._accept_all, name="moto-ecr-ext server", daemon=True).start()

    def _accept_all(self) -> None:
        # `serve_forever` would poll twice a second for a request to stop.
        with self.socket:
            while not self._is_closed:
                connection, address = self.socket.accept()
                if self._is_closed:
                    connection.close()
                else:
                    self.process_request(connection, address)

    def close(self) -> None:
        """Accept no more connections."""
        if self._is_closed:
            # Another program may have the port by now.
            return
        self._is_closed = True
        with suppress(OSError):
            socket.create_connection((self._host, self.port)).close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore the error: a container that is removed closes its connections."""


class _Connection(socketserver.StreamRequestHandler):
    server: HttpServer
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        while True:
            try:
                request = read_request(self.rfile, self.server.limit, self._proceed)
            except BadRequest:
                self._send(Response(400, b""))
                return
            if request is None:
                return
            response = self.server.respond(request)
            if response is None:
                return
            self._send(response)
            wants_more = request.headers.get("connection", "").lower() != "close"
            if not wants_more or request.is_truncated:
                return

    def _proceed(self) -> None:
        """Ask a client to send its body. curl waits for this before it sends long bodies."""
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()

    def _send(self, response: Response) -> None:
        lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}"]
        headers = {"Content-Length": str(len(response.body)), **response.headers}
        lines += [f"{name}: {value}" for name, value in headers.items()]
        # Values of headers may come from clients of Invoke.
        head = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
        self.wfile.write(f"{head}\r\n\r\n".encode("utf-8", "replace") + response.body)
        self.wfile.flush()


def read_request(stream: BufferedIOBase, limit: int, proceed: Callable[[], None]) -> Request | None:
    """Return the next request of a connection; None at its end. Raises BadRequest.

    `proceed` is called if the client waits for permission to send the body.
    """
    first = _line(stream)
    if not first:
        return None
    try:
        method, path, _ = first.decode("latin-1").split()
    except ValueError:
        raise BadRequest(first) from None
    headers = _headers(stream)
    if headers.get("expect", "").lower() == "100-continue":
        proceed()
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunked(stream, limit, Request(method, path, headers, None))
    try:
        length = int(headers.get("content-length", "0"))
    except ValueError:
        raise BadRequest("Content-Length") from None
    if length < 0:
        raise BadRequest("Content-Length")
    body = _Body(limit)
    is_whole = body.take(stream, length)
    return Request(method, path, headers, body.content, is_truncated=not is_whole)


def _chunked(stream: BufferedIOBase, limit: int, head: Request) -> Request:
    body = _Body(limit)
    while True:
        try:
            size = int(_line(stream).partition(b";")[0].strip() or b"x", 16)
        except ValueError:
            # The chunk is incomplete, or malformed.
            return Request(head.method, head.path, head.headers, body.content, is_truncated=True)
        if size == 0:
            trailers = _headers(stream)
            return Request(head.method, head.path, head.headers, body.content, trailers)
        if size < 0 or not body.take(stream, size):
            return Request(head.method, head.path, head.headers, body.content, is_truncated=True)
        _line(stream)


class _Body:
    """A body that is being received. Bytes beyond the limit are read and discarded."""

    def __init__(self, limit: int):
        self._limit = limit
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def content(self) -> bytes | None:
        return b"".join(self._pieces) if self._size <= self._limit else None

    def take(self, stream: BufferedIOBase, length: int) -> bool:
        """Read `length` bytes. Return True if all of them arrived."""
        while length:
            piece = stream.read(min(length, _PIECE))
            if not piece:
                return False
            length -= len(piece)
            self._size += len(piece)
            if self._size <= self._limit:
                self._pieces.append(piece)
            else:
                self._pieces.clear()
        return True


def _line(stream: BufferedIOBase) -> bytes:
    line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise BadRequest("a line is too long")
    return line.rstrip(b"\r\n") if line.endswith(b"\n") else b""


def _headers(stream: BufferedIOBase) -> dict[str, str]:
    headers: dict[str, str] = {}
    while line := _line(stream):
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or len(headers) == _MOST_HEADERS:
            raise BadRequest(line)
        headers[name.strip().lower()] = value.strip()
    return headers
