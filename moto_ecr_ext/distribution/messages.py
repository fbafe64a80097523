"""Requests and responses of the registry, independent of their carrier: a server, WSGI, or the test process."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.client import responses as reasons
from typing import Any, Protocol
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from moto_ecr_ext.caller import LOOPBACK

from .dialects import Dialect, current_dialect

log = logging.getLogger("moto_ecr_ext")

JSON = "application/json; charset=utf-8"
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class BodyTruncated(Exception):
    """The end of the connection, or of valid transfer encoding, before the end of the body."""


class RequestBody(Protocol):
    """The body of a request, which can be read once."""

    @property
    def length(self) -> int | None:
        """The bytes that the client has announced; None without an announcement (chunked)."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes as they arrive. Each piece is valid until the next. Raises BodyTruncated."""


class OpenBlob(Protocol):
    """The bytes of a blob, open for reading until `close`."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """Return the bytes from `start` up to `stop`, in pieces."""

    def fileno(self) -> int | None:
        """Return the descriptor of a file with exactly these bytes, for `sendfile` or `mmap`, or None."""

    def close(self) -> None:
        """Release the bytes. Closing twice is allowed."""


Query = MultiDict[str, str]
"""The parameters of a query. The first of several with one name counts; `getlist` returns all."""


def read_query(text: str) -> Query:
    """Return the parameters of a query."""
    return MultiDict(parse_qsl(text, keep_blank_values=True)) if text else MultiDict()


@dataclass
class Request:
    """A request to the registry. Header names are in lower case; `client` is the client's IP address."""

    method: str
    scheme: str
    host: str
    path: str
    query: Query
    headers: Mapping[str, str]
    body: RequestBody
    client: str = LOOPBACK
    content: bytes | None = None  # The body once `read_body` has read it.

    @cached_property
    def dialect(self) -> Dialect:
        """The dialect of the answer, chosen once for a request."""
        return current_dialect()

    @property
    def base_url(self) -> str:
        """The scheme and host that the client has used."""
        return f"{self.scheme}://{self.host}"

    def read_body(self, limit: int) -> bytes | None:
        """Return the whole body, and keep it; None if it has more than `limit` bytes."""
        if self.content is not None:
            return self.content
        if self.body.length is not None and self.body.length > limit:
            return None
        content = bytearray()
        for piece in self.body.pieces():
            content += piece
            if len(content) > limit:
                return None
        self.content = bytes(content)
        return self.content


@dataclass(slots=True)
class BlobSlice:
    """Bytes `start` up to `stop` of a blob, to be sent and then closed by the carrier."""

    blob: OpenBlob
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes. A failure of the store is logged: the client only sees a body that ends early."""
        try:
            yield from self.blob.chunks(self.start, self.stop)
        except OSError as error:
            log.error("The answer breaks off, since the blob cannot be read: %s", error)
            raise


@dataclass(slots=True)
class Response:
    """An answer. A HEAD has the headers of its GET, so that Content-Length may differ from the size of the body.

    `tags` are the values of OCI-Tag, one header line each. The length of an answer that `is_chunked` is not announced.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | BlobSlice = b""
    tags: Sequence[str] = ()
    is_chunked: bool = False

    def __post_init__(self) -> None:
        self.headers = {**API_VERSION, **self.headers}
        if self.status in (304, 204) or self.is_chunked:
            return
        if "Content-Length" not in self.headers:
            self.headers["Content-Length"] = str(self.size)

    @property
    def size(self) -> int:
        """The bytes of the body."""
        return self.body.size if isinstance(self.body, BlobSlice) else len(self.body)

    @property
    def header_lines(self) -> list[tuple[str, str]]:
        """The headers, line by line."""
        return [*self.headers.items(), *(("OCI-Tag", tag) for tag in self.tags)]

    @property
    def status_line(self) -> str:
        """The status and its reason phrase."""
        return f"{self.status} {reasons.get(self.status, 'Unknown')}"

    @classmethod
    def json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
        """Return an answer with a JSON document and a final newline."""
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        return cls(status, {"Content-Type": JSON, **(headers or {})}, content)

    def close(self) -> None:
        if isinstance(self.body, BlobSlice):
            self.body.blob.close()

    def chunks(self) -> Iterator[bytes]:
        """Return the body, for a carrier that accepts only bytes."""
        try:
            if isinstance(self.body, BlobSlice):
                yield from self.body.chunks()
            elif self.body:
                yield self.body
        finally:
            self.close()
