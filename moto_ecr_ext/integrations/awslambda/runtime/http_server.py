"""The connections of the Runtime API: HTTP/1.1 by h11, with a thread for each connection.

The servers of the standard library and of werkzeug refuse headers of more than 64 KiB, and have no trailers. A runtime
sends up to a mebibyte in one header, the cause of an error for X-Ray, and the error of a streamed response in trailers:
https://github.com/aws/aws-lambda-python-runtime-interface-client, `lambda_runtime_client.py`.
"""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from moto_ecr_ext.platforms.sockets import linger

# Bytes of the first line and all headers of a request.
_LARGEST_HEAD = 2 * 1024 * 1024
_PIECE = 256 * 1024

# Values of headers may come from clients of Invoke.
_NOT_IN_HEADERS = re.compile(r"[\0\r\n\f\v]")


@dataclass(frozen=True)
class RuntimeRequest:
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
class RuntimeResponse:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class HttpServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A server with a thread for each connection, on a free port. `limit` is the greatest size of a body, in bytes."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 16

    def __init__(
        self, host: str, respond: Callable[[RuntimeRequest], RuntimeResponse | None], limit: int
    ):
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


class _Connection(socketserver.BaseRequestHandler):
    request: socket.socket
    server: HttpServer

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        http = self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST_HEAD)
        while True:
            try:
                head = self._next_event()
            except h11.RemoteProtocolError:
                self._send(RuntimeResponse(400, b""))
                linger(self.request)
                return
            if not isinstance(head, h11.Request):
                return
            response = self.server.respond(self._received(head))
            if response is None:
                return
            self._send(response)
            if http.our_state is not h11.DONE or http.their_state is not h11.DONE:
                return
            http.start_next_cycle()

    def _next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        while (event := self._http.next_event()) is h11.NEED_DATA:
            if self._http.they_are_waiting_for_100_continue:
                # curl waits for this before it sends long bodies.
                self._write(
                    h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
                )
            self._http.receive_data(self.request.recv(_PIECE))
        return event

    def _received(self, head: h11.Request) -> RuntimeRequest:
        """Receive the body of a request. Bytes beyond the limit are discarded."""
        about = (head.method.decode(), head.target.decode(), _texts(head.headers))
        body: bytearray | None = bytearray()
        try:
            while isinstance(event := self._next_event(), h11.Data):
                if body is not None and len(body) + len(event.data) <= self.server.limit:
                    body += event.data
                else:
                    body = None
        except h11.RemoteProtocolError:
            return RuntimeRequest(*about, _content(body), is_truncated=True)
        trailers = _texts(event.headers) if isinstance(event, h11.EndOfMessage) else {}
        return RuntimeRequest(*about, _content(body), trailers)

    def _send(self, response: RuntimeResponse) -> None:
        headers = {"Content-Length": str(len(response.body)), **response.headers}
        status = HTTPStatus(response.status)
        self._write(
            h11.Response(
                status_code=status,
                reason=status.phrase.encode(),
                headers=[(name.encode(), _value(text)) for name, text in headers.items()],
            ),
            h11.Data(data=response.body),
            h11.EndOfMessage(),
        )

    def _write(self, *events: h11.Event) -> None:
        for each in events:
            if data := self._http.send(each):
                self.request.sendall(data)


def _content(body: bytearray | None) -> bytes | None:
    return None if body is None else bytes(body)


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): value.decode("latin-1") for name, value in headers}


def _value(text: str) -> bytes:
    return _NOT_IN_HEADERS.sub(" ", text).strip().encode("utf-8", "replace")
