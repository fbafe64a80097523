"""Bodies of requests as they arrive: from the socket where the server lets us, else from WSGI's input.

Each thread has one buffer, into which bodies are received, hashed and written from (see docs in `benchmarks/`).
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any, BinaryIO

from .messages import BodyTruncated

BUFFER_SIZE = 4 * 1024 * 1024
_SMALL = 64 * 1024
_LONGEST_LINE = 8 * 1024

_of_thread = threading.local()


def _buffer(size: int) -> memoryview:
    """This thread's buffer, at least `size` bytes of it, up to BUFFER_SIZE. It grows and stays."""
    size = min(max(size, _SMALL), BUFFER_SIZE)
    buffer: bytearray | None = getattr(_of_thread, "buffer", None)
    if buffer is None or len(buffer) < size:
        buffer = _of_thread.buffer = bytearray(size)
    return memoryview(buffer)[:size]


class MemoryBody:
    """A body that is in memory already."""

    def __init__(self, content: bytes):
        self._content = content
        self.length: int | None = len(content)

    def pieces(self) -> Iterator[memoryview]:
        content, self._content = self._content, b""
        if content:
            yield memoryview(content)


class StreamBody:
    """A body of a WSGI server: `length` bytes of a stream, or all of it when the stream knows its end."""

    def __init__(self, stream: Any, length: int | None):
        self._stream = stream
        self.length = length

    def pieces(self) -> Iterator[memoryview]:
        left = self.length
        while left is None or left > 0:
            wanted = BUFFER_SIZE if left is None else min(left, BUFFER_SIZE)
            try:
                piece = self._stream.read(wanted)
            except OSError as error:
                raise BodyTruncated from error
            if not piece:
                if left:
                    raise BodyTruncated
                return
            if left is not None:
                left -= len(piece)
            yield memoryview(piece)


class SocketBody:
    """A body that is read from a connection: first what the server's reader has buffered, then from the socket.

    `is_finished` says whether the connection stands at the end of the body, where the next request begins.
    """

    def __init__(self, reader: io.BufferedReader, connection: socket.socket, length: int | None):
        self._reader = reader
        self._connection = connection
        self.length = length
        self._left = length

    @property
    def is_finished(self) -> bool:
        return self._left == 0

    def drain(self, limit: int) -> bool:
        """Read what is left, if that is at most `limit` bytes; whether the body is finished then."""
        if self._left is None or self._left > limit:
            return False
        try:
            for _ in self.pieces():
                pass
        except BodyTruncated:
            return False
        return True

    def pieces(self) -> Iterator[memoryview]:
        if self._left is None:
            yield from self._dechunked()
        else:
            yield from self._received(self._left)

    def _received(self, size: int) -> Iterator[memoryview]:
        left = self._left = size
        buffer = _buffer(size)
        # What the reader took from the socket beyond the headers; it has some, or the socket has.
        filled = min(len(self._reader.peek()), left) if left else 0
        if filled:
            filled = self._reader.readinto(buffer[: min(filled, len(buffer))]) or 0
        while left:
            while filled < len(buffer) and filled < left:
                received = self._receive(buffer[filled : min(len(buffer), left)])
                if not received:
                    # What came until now is acknowledged to a client that asks for the status.
                    if filled:
                        yield buffer[:filled]
                    raise BodyTruncated
                filled += received
            left -= filled
            self._left = left
            yield buffer[:filled]
            filled = 0

    def _receive(self, into: memoryview) -> int:
        try:
            return self._connection.recv_into(into)
        except OSError:
            return 0

    def _dechunked(self) -> Iterator[memoryview]:
        """Transfer-Encoding chunked (RFC 9112, 7.1): pieces of many small chunks are given together."""
        buffer = _buffer(BUFFER_SIZE)
        filled = 0
        while True:
            left = self._chunk_size()
            if left == 0:
                break
            while left:
                if filled == len(buffer):
                    yield buffer
                    filled = 0
                received = self._read_some(buffer[filled : filled + left])
                if not received:
                    if filled:
                        yield buffer[:filled]
                    raise BodyTruncated
                filled += received
                left -= received
            if self._line():
                raise BodyTruncated
        while self._line():
            pass  # trailers
        self._left = 0
        if filled:
            yield buffer[:filled]

    def _read_some(self, into: memoryview) -> int:
        try:
            return self._reader.readinto1(into)
        except OSError:
            return 0

    def _chunk_size(self) -> int:
        size = self._line().partition(b";")[0].strip()
        try:
            if not size or size[:1] in b"+-" or b"_" in size:
                raise ValueError(size)
            return int(size, 16)
        except ValueError:
            raise BodyTruncated from None

    def _line(self) -> bytes:
        try:
            line = self._reader.readline(_LONGEST_LINE)
        except OSError as error:
            raise BodyTruncated from error
        if not line.endswith(b"\n"):
            raise BodyTruncated
        return line.rstrip(b"\r\n")


def body_of_environ(environ: dict[str, Any]) -> MemoryBody | StreamBody:
    """The body of a WSGI request."""
    stream: BinaryIO = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return StreamBody(stream, None)
    length = environ.get("CONTENT_LENGTH") or "0"
    return StreamBody(stream, int(length) if length.isdigit() else 0)
