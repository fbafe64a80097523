"""Bodies of requests: from the socket if the server permits that, otherwise from WSGI's input.

Each thread has one buffer, into which bodies are received, and from which they are hashed and written (see
`benchmarks/`).
"""

from __future__ import annotations

import io
import mmap
import re
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from moto_ecr_ext.distribution.errors import malformed
from moto_ecr_ext.distribution.messages import BodyTruncated

from .heads import TCHAR, content_length

# More than fits into the processor's cache slows a body down: 4 MiB halve the speed.
BUFFER_SIZE = 256 * 1024
_SMALL = 64 * 1024
_INCOMING_SIZE = 256 * 1024
# Bytes of a body of another service that are read at once.
_PIECE = 1024 * 1024
_LONGEST_LINE = 4 * 1024
_LONGEST_TRAILERS = 8 * 1024
# RFC 9112, 7.1: the size of a chunk, which extensions may follow, and a trailer.
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t -~\x80-\xff]*)?")
_TRAILER = re.compile(rf"{TCHAR}+:[\t -~\x80-\xff]*".encode("latin-1"))

_of_thread = threading.local()


def thread_buffer(size: int) -> memoryview:
    """Return this thread's buffer, with at least `size` bytes, up to BUFFER_SIZE. It only grows.

    It is anonymous memory: unused pages take no space.
    """
    size = min(max(size, _SMALL), BUFFER_SIZE)
    buffer: mmap.mmap | None = getattr(_of_thread, "buffer", None)
    if buffer is None or len(buffer) < size:
        buffer = _of_thread.buffer = mmap.mmap(-1, size)
    return memoryview(buffer)[:size]


class MemoryBody:
    """A body that is in memory."""

    def __init__(self, content: bytes):
        self._content = content
        self.length: int | None = len(content)

    def pieces(self) -> Iterator[memoryview]:
        content, self._content = self._content, b""
        if content:
            yield memoryview(content)


class StreamBody:
    """A body from a WSGI server: `length` bytes of a stream, or all of it if the stream knows its end."""

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
    """A body from a connection: first the bytes in the server's reader, then those from the socket.

    `is_finished` is true if the connection is at the end of the body, where the next request begins; `received` is the
    number of received bytes.
    """

    def __init__(self, reader: io.BufferedReader, connection: socket.socket, length: int | None):
        self._reader = reader
        self._connection = connection
        self.length = length
        self.is_finished = length == 0
        self.received = 0

    def drain(self, limit: int) -> bool:
        """Read the body to its end, if it is unread and has at most `limit` bytes.

        Return True if the end was reached.
        """
        if self.length is None or self.length > limit:
            return False
        try:
            for _ in self.pieces():
                pass
        except BodyTruncated:
            return False
        return self.is_finished

    def pieces(self) -> Iterator[memoryview]:
        if self.is_finished:
            return iter(())
        if self.length is None:
            return self._dechunked()
        return self._received(self.length)

    def _received(self, left: int) -> Iterator[memoryview]:
        buffer = thread_buffer(left)
        filled = self._take_buffered(buffer[: min(left, len(buffer))])
        while left:
            wanted = min(left, len(buffer))
            while filled < wanted:
                received = self.receive(buffer[filled:wanted])
                if not received:
                    # The bytes so far are kept for a client that continues.
                    self.received += filled
                    if filled:
                        yield buffer[:filled]
                    raise BodyTruncated
                filled += received
            self.received += filled
            left -= filled
            self.is_finished = left == 0
            yield buffer[:filled]
            filled = 0

    def _take_buffered(self, into: memoryview) -> int:
        """Take the bytes that the server's reader has read beyond the headers. Wait only while more are due."""
        try:
            buffered = len(self._reader.peek())
            return self._reader.readinto(into[:buffered]) or 0
        except OSError:
            return 0

    def receive(self, into: memoryview) -> int:
        """Receive at least one byte from the socket; 0 if the client has closed it or is silent for too long."""
        try:
            return self._connection.recv_into(into)
        except OSError:
            return 0

    def _dechunked(self) -> Iterator[memoryview]:
        """Yield the bytes of Transfer-Encoding chunked (RFC 9112, 7.1), many chunks in a piece.

        Raises RegistryError if a chunk is malformed. The bytes before it are not acknowledged, unlike those of a body
        that breaks off.
        """
        incoming = _Incoming(self)
        incoming.begin(self._take_buffered)
        piece = thread_buffer(BUFFER_SIZE)
        filled = 0
        try:
            while left := _chunk_size(incoming.line()):
                while left:
                    if filled == len(piece):
                        yield piece
                        filled = 0
                    taken = incoming.take(piece[filled : filled + left])
                    self.received += taken
                    filled += taken
                    left -= taken
                incoming.end_chunk()
            incoming.skip_trailers()
        except BodyTruncated:
            if filled:
                yield piece[:filled]
            raise
        # Bytes after the body would be another request, which would be lost.
        self.is_finished = incoming.is_empty
        if filled:
            yield piece[:filled]


class _Incoming:
    """Bytes of a connection that contain chunk sizes and chunks, received many at a time."""

    def __init__(self, body: SocketBody):
        self._body = body
        self._buffer = memoryview(mmap.mmap(-1, _INCOMING_SIZE))
        self._start = self._end = 0

    def begin(self, take_buffered: Callable[[memoryview], int]) -> None:
        """Take over the bytes that were read from the connection before."""
        self._end = take_buffered(self._buffer)

    @property
    def is_empty(self) -> bool:
        return self._start == self._end

    def line(self) -> bytes:
        """Return the next line without its end.

        Raises RegistryError if the end is not CR LF, or the line is too long.
        """
        while True:
            found = bytes(self._buffer[self._start : min(self._end, self._start + _LONGEST_LINE)])
            line, end, _ = found.partition(b"\n")
            if end:
                if not line.endswith(b"\r"):
                    raise malformed("a line between chunks does not end with CR LF")
                self._start += len(line) + 1
                return line[:-1]
            if len(found) == _LONGEST_LINE:
                raise malformed(f"a line between chunks is longer than {_LONGEST_LINE} bytes")
            self._receive()

    def end_chunk(self) -> None:
        """Read the CR LF after a chunk. Raises RegistryError for anything else."""
        while self._end - self._start < 2:
            self._receive()
        if bytes(self._buffer[self._start : self._start + 2]) != b"\r\n":
            raise malformed("a chunk does not have the size that it announces")
        self._start += 2

    def skip_trailers(self) -> None:
        """Read to the end of the body. Raises RegistryError if the trailers are malformed or too long."""
        size = 0
        while line := self.line():
            size += len(line)
            if size > _LONGEST_TRAILERS or not _TRAILER.fullmatch(line):
                raise malformed(f"{line[:200].decode('latin-1')!r} is not a trailer")

    def take(self, into: memoryview) -> int:
        """Copy at least one byte into `into`, and return the number. Raises BodyTruncated."""
        if self.is_empty:
            if len(into) >= len(self._buffer):
                received = self._body.receive(into)
                if not received:
                    raise BodyTruncated
                return received
            self._receive()
        size = min(len(into), self._end - self._start)
        into[:size] = self._buffer[self._start : self._start + size]
        self._start += size
        return size

    def _receive(self) -> None:
        """Receive more bytes after the remaining ones, which are moved to the front."""
        rest = self._end - self._start
        if self._start:
            self._buffer[:rest] = bytes(self._buffer[self._start : self._end])
            self._start, self._end = 0, rest
        received = self._body.receive(self._buffer[self._end :])
        if not received:
            raise BodyTruncated
        self._end += received


def _chunk_size(line: bytes) -> int:
    match = _CHUNK_SIZE.fullmatch(line)
    if match is None:
        raise malformed(f"{line[:200].decode('latin-1')!r} is not the size of a chunk")
    return int(match[1], 16)


def body_of_environ(environ: dict[str, Any]) -> MemoryBody | StreamBody:
    """Return the body of a WSGI request. Raises RegistryError if its Content-Length is not a number."""
    stream: BinaryIO = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated"):
        return StreamBody(stream, None)
    return StreamBody(stream, content_length(environ.get("CONTENT_LENGTH") or "0"))


def read_body(environ: dict[str, Any], length: int) -> bytes:
    """Return a body of at most `length` bytes, which can be read again.

    It is read in pieces: a head may claim any length, for which `read` would take memory before anything has come.
    """
    stream = environ["wsgi.input"]
    body = bytearray()
    while len(body) < length:
        piece = stream.read(min(length - len(body), _PIECE))
        if not piece:
            break
        body += piece
    read = bytes(body)
    environ["wsgi.input"] = io.BytesIO(read)
    return read
