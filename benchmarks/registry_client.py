"""A client of registries that uses little processor time, so that the server is measured.

Each client is a separate process with one connection, which it keeps as long as the server does. The kernel counts and
discards pulled bytes.
"""

from __future__ import annotations

import multiprocessing
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Channel
from typing import Any
from urllib.parse import urlsplit

from blobs import Blob, Body, MemoryBody
from common import MIB

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"

_RECEIVED_AT_ONCE = 4 * MIB
_LONGEST_HEAD = 64 * 1024

# Seconds. A silent server hangs, and so does a client that exceeds its time by as much.
_SILENCE_LIMIT = 120
_CLIENT_LIMIT = 900


class ProtocolError(Exception):
    """An unexpected answer of the server."""


@dataclass(frozen=True)
class Answer:
    """An answer. `size` is the length of its body; `body` is empty if it was discarded."""

    status: int
    headers: Mapping[str, str]
    size: int
    body: bytes


class Connection:
    """A connection over HTTP/1.1, renewed after the server has closed it behind an answer."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._port = port
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._discarded = bytearray(_RECEIVED_AT_ONCE)
        self._socket = self._connect()
        self._is_open = True
        self.reconnections = 0

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The kernel limits the waits, so that the socket stays blocking, for sendfile.
        for limit in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            connection.setsockopt(socket.SOL_SOCKET, limit, struct.pack("ll", _SILENCE_LIMIT, 0))
        return connection

    def close(self) -> None:
        self._socket.close()
        self._is_open = False

    def ask(
        self,
        method: str,
        target: str,
        expected: int,
        *,
        body: Body | None = None,
        headers: str = "",
        keep: bool = False,
    ) -> Answer:
        """Send a request and read its answer. `keep` keeps the body.

        Raises ProtocolError for an unexpected status.
        """
        if not self._is_open:
            self._socket = self._connect()
            self._is_open = True
            self.reconnections += 1
        body = body or MemoryBody()
        framing = "" if method in ("GET", "HEAD") else f"{body.framing}\r\n"
        head = (
            f"{method} {target} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n"
            f"{self._headers}{headers}{framing}\r\n"
        )
        body.send(self._socket, head.encode())
        answer = self._read_answer(method, keep)
        if answer.status != expected:
            raise ProtocolError(f"{method} {target}: {answer}")
        return answer

    def _read_answer(self, method: str, keep: bool) -> Answer:
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            piece = self._socket.recv(_LONGEST_HEAD)
            if not piece:
                raise ProtocolError(f"{method}: the connection was closed before the answer")
            received += piece
        lines = received[:end].decode("latin-1").split("\r\n")
        version, status, *_ = lines[0].split(" ")
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        if "transfer-encoding" in headers:
            raise ProtocolError(f"{method}: the answer comes in chunks")
        has_body = method != "HEAD" and status not in ("204", "304")
        size = int(headers.get("content-length", "0")) if has_body else 0
        body = received[end + 4 :]
        if keep or int(status) >= 400:
            body = self._keep(body, size)
        else:
            self._discard(size - len(body))
            body = b""
        if version == "HTTP/1.0" or "close" in headers.get("connection", "").lower():
            self.close()
        return Answer(int(status), headers, size, body)

    def _keep(self, body: bytes, size: int) -> bytes:
        while len(body) < size:
            piece = self._socket.recv(_RECEIVED_AT_ONCE)
            if not piece:
                raise ProtocolError(f"the body ended at {len(body)} of {size} bytes")
            body += piece
        return body

    def _discard(self, size: int) -> None:
        while size:
            wanted = min(size, len(self._discarded))
            # tcp(7): with MSG_TRUNC the bytes are discarded instead of copied.
            received = self._socket.recv_into(self._discarded, wanted, socket.MSG_TRUNC)
            if not received:
                raise ProtocolError(f"the body ended {size} bytes early")
            size -= received


class RegistryClient:
    """One repository of a registry, over one connection."""

    def __init__(self, connection: Connection, repository: str) -> None:
        self.connection = connection
        self._above = f"/v2/{repository}"

    def push(self, blob: Blob) -> None:
        """Push a blob by POST and PUT."""
        self._commit(self._start(), blob, blob.body)

    def push_streamed(self, blob: Blob) -> None:
        """Push a blob by POST, PATCH and PUT, as docker does; in chunks if it comes from a file."""
        answer = self.connection.ask("PATCH", self._start(), 202, body=blob.stream)
        self._commit(_location(answer), blob, MemoryBody())

    def _start(self) -> str:
        return _location(self.connection.ask("POST", f"{self._above}/blobs/uploads/", 202))

    def _commit(self, location: str, blob: Blob, body: Body) -> None:
        separator = "&" if "?" in location else "?"
        self.connection.ask("PUT", f"{location}{separator}digest={blob.digest}", 201, body=body)

    def pull(self, blob: Blob) -> None:
        """Pull a blob and discard it."""
        answer = self.connection.ask("GET", f"{self._above}/blobs/{blob.digest}", 200)
        if answer.size != blob.size:
            raise ProtocolError(f"{blob.digest} has {answer.size} bytes, not {blob.size}")

    def content(self, blob: Blob) -> bytes:
        """Pull a blob and return it."""
        target = f"{self._above}/blobs/{blob.digest}"
        return self.connection.ask("GET", target, 200, keep=True).body

    def has(self, blob: Blob) -> None:
        """Request a blob by HEAD. Raises ProtocolError if it is missing."""
        self.connection.ask("HEAD", f"{self._above}/blobs/{blob.digest}", 200)

    def put_manifest(self, tag: str, content: bytes) -> None:
        self.connection.ask(
            "PUT",
            f"{self._above}/manifests/{tag}",
            201,
            body=MemoryBody(content),
            headers=f"Content-Type: {MANIFEST_TYPE}\r\n",
        )

    def delete(self, digest: str) -> None:
        self.connection.ask("DELETE", f"{self._above}/manifests/{digest}", 202)

    def manifest(self, tag: str) -> bytes:
        return self.connection.ask(
            "GET",
            f"{self._above}/manifests/{tag}",
            200,
            headers=f"Accept: {MANIFEST_TYPE}\r\n",
            keep=True,
        ).body


def _location(answer: Answer) -> str:
    """Return the path and query of an answer's Location."""
    target = urlsplit(answer.headers["location"])
    return f"{target.path}?{target.query}" if target.query else target.path


@dataclass(frozen=True)
class Address:
    """The address of a registry, the credentials, and the repository."""

    port: int
    headers: Mapping[str, str]
    repository: str

    @contextmanager
    def connected(self) -> Iterator[RegistryClient]:
        """Yield a client that is connected until the end of the block."""
        connection = Connection(self.port, self.headers)
        try:
            yield RegistryClient(connection, self.repository)
        finally:
            connection.close()


Task = Callable[[RegistryClient], None]


@dataclass(frozen=True)
class Run:
    """The run of several clients, from the start of the first to the end of the last.

    `processor_seconds` are those of all clients together.
    """

    seconds: float
    processor_seconds: float
    reconnections: int


def at_once(address: Address, tasks: Sequence[Task], seconds: float = 0) -> Run:
    """Run each task in a separate client, all at once, on open connections.

    `seconds` is the planned time of the tasks. Raises RuntimeError if a client fails; it has printed the reason.
    """
    context = multiprocessing.get_context("fork")
    start = context.Event()
    clients: list[tuple[Any, Channel]] = []
    try:
        for task in tasks:
            here, there = context.Pipe()
            client = context.Process(target=_work, args=(address, task, start, there))
            client.start()
            there.close()
            clients.append((client, here))
        for client, channel in clients:
            _receive(client, channel, _CLIENT_LIMIT)
        start.set()
        ran = [_receive(client, channel, seconds + _CLIENT_LIMIT) for client, channel in clients]
    finally:
        for client, channel in clients:
            channel.close()
            client.join(1)
            if client.is_alive():
                client.terminate()
                client.join()
    began, ended, used, reconnections = zip(*ran, strict=True)
    return Run(max(ended) - min(began), sum(used), sum(reconnections))


def _work(address: Address, task: Task, start: Any, channel: Channel) -> None:
    with address.connected() as client:
        channel.send("connected")
        start.wait()
        began, used = time.monotonic(), time.process_time()
        task(client)
        ended, used = time.monotonic(), time.process_time() - used
    channel.send((began, ended, used, client.connection.reconnections))


def _receive(client: Any, channel: Channel, limit: float) -> Any:
    if not channel.poll(limit):
        raise RuntimeError(f"a client took longer than {limit:.0f} seconds")
    try:
        return channel.recv()
    except EOFError:
        client.join()
        raise RuntimeError(f"a client failed with exit code {client.exitcode}") from None


def shares_of(items: Sequence[Any], count: int) -> list[Sequence[Any]]:
    """Distribute the items over `count` clients."""
    return [items[number::count] for number in range(count)]
