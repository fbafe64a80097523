"""Blobs of random bytes, and bodies of requests that cost the client little: from memory, from a file, in chunks."""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from common import MIB

# Bytes that docker sends at once when it pushes in chunks.
_CHUNK = 32 * 1024
_CHUNKS_A_CALL = 16
_READ_AT_ONCE = 4 * MIB


class Body(Protocol):
    """The body of a request."""

    @property
    def framing(self) -> str:
        """The header with the length of the body."""

    def send(self, connection: socket.socket, head: bytes) -> None:
        """Send the request: its head, then this body."""


class MemoryBody:
    """Bytes in memory."""

    def __init__(self, content: bytes | memoryview = b"") -> None:
        self._content = memoryview(content)
        self.framing = f"Content-Length: {len(content)}"

    def send(self, connection: socket.socket, head: bytes) -> None:
        _send_all(connection, [memoryview(head), self._content])


class FileBody:
    """Bytes `start` up to `stop` of a file, sent without a copy."""

    def __init__(self, descriptor: int, start: int, stop: int) -> None:
        self._descriptor, self._start, self._stop = descriptor, start, stop
        self.framing = f"Content-Length: {stop - start}"

    def send(self, connection: socket.socket, head: bytes) -> None:
        connection.sendall(head, socket.MSG_MORE)
        at = self._start
        while at < self._stop:
            at += os.sendfile(connection.fileno(), self._descriptor, at, self._stop - at)


class ChunkedBody:
    """Bytes `start` up to `stop` of a file in chunks, like a stream of unknown length from docker."""

    framing = "Transfer-Encoding: chunked"

    def __init__(self, descriptor: int, start: int, stop: int) -> None:
        self._descriptor, self._start, self._stop = descriptor, start, stop

    def send(self, connection: socket.socket, head: bytes) -> None:
        connection.sendall(head, socket.MSG_MORE)
        buffer = memoryview(bytearray(_CHUNK * _CHUNKS_A_CALL))
        at = self._start
        while at < self._stop:
            wanted = min(len(buffer), self._stop - at)
            filled = os.preadv(self._descriptor, [buffer[:wanted]], at)
            _send_all(connection, list(self._chunks(buffer[:filled])))
            at += filled
        connection.sendall(b"0\r\n\r\n")

    def _chunks(self, content: memoryview) -> Iterator[memoryview]:
        for start in range(0, len(content), _CHUNK):
            piece = content[start : start + _CHUNK]
            yield memoryview(b"%x\r\n" % len(piece))
            yield piece
            yield memoryview(b"\r\n")


def _send_all(connection: socket.socket, buffers: list[memoryview]) -> None:
    while buffers:
        sent = connection.sendmsg(buffers)
        while buffers and sent >= len(buffers[0]):
            sent -= len(buffers.pop(0))
        if sent:
            buffers[0] = buffers[0][sent:]


@dataclass(frozen=True)
class Blob:
    """A blob to push and pull. `body` sends it with its length, `stream` without."""

    digest: str
    size: int
    body: Body
    stream: Body


def file_blob(descriptor: int, start: int, stop: int) -> Blob:
    """Return bytes `start` up to `stop` of a file as a blob. They are read, so that the file is cached."""
    hasher = hashlib.sha256()
    at = start
    while at < stop:
        piece = os.pread(descriptor, min(stop - at, _READ_AT_ONCE), at)
        hasher.update(piece)
        at += len(piece)
    return Blob(
        f"sha256:{hasher.hexdigest()}",
        stop - start,
        FileBody(descriptor, start, stop),
        ChunkedBody(descriptor, start, stop),
    )


def memory_blob(content: bytes | memoryview) -> Blob:
    """Return bytes in memory as a blob."""
    body = MemoryBody(content)
    return Blob(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), body, body)


class Source:
    """A file of random bytes, from which blobs are made. It grows on demand."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)

    def close(self) -> None:
        os.close(self._descriptor)

    def files(self, size: int, count: int) -> list[Blob]:
        """Return `count` blobs that together are the first `size` bytes, sent from the file."""
        self._grow(size)
        each = size // count
        return [
            file_blob(self._descriptor, start, start + each)
            for start in range(0, each * count, each)
        ]

    def in_memory(self, size: int, count: int) -> list[Blob]:
        """Return `count` blobs of `size` bytes each, sent from memory."""
        self._grow(size * count)
        content = memoryview(os.pread(self._descriptor, size * count, 0))
        return [
            memory_blob(content[start : start + size]) for start in range(0, size * count, size)
        ]

    def _grow(self, size: int) -> None:
        while (missing := size - os.fstat(self._descriptor).st_size) > 0:
            os.write(self._descriptor, os.urandom(min(missing, MIB)))
