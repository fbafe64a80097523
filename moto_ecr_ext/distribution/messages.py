"""Requests and responses of the registry, whatever carries them: a server, WSGI, or the test process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from http.client import responses as reasons
from typing import Any, Protocol
from urllib.parse import parse_qsl

from werkzeug.datastructures import MultiDict

from moto_ecr_ext.caller import LOOPBACK

from .dialects import Dialect, current_dialect

JSON = "application/json; charset=utf-8"
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class BodyTruncated(Exception):
    """The client went away, or broke the transfer encoding, before the body had ended."""


class RequestBody(Protocol):
    """The body of a request, read once."""

    @property
    def length(self) -> int | None:
        """Bytes the client said it sends; None when it did not say (chunked)."""

    def pieces(self) -> Iterator[memoryview]:
        """Yield the bytes as they arrive, each piece valid until the next. Raises BodyTruncated."""


class OpenBlob(Protocol):
    """The bytes of a blob, open for reading until `close`."""

    def chunks(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes from `start` up to `stop`, some at a time."""

    def fileno(self) -> int | None:
        """Return the descriptor of a file of exactly these bytes, for `sendfile` or `mmap`, or None."""

    def close(self) -> None:
        """Let go of the bytes. Closing twice is fine."""


Query = MultiDict[str, str]
"""The parameters of a query. The first counts of those that have one name, unless `getlist` asks for all."""


def read_query(text: str) -> Query:
    """Return the parameters of a query."""
    return MultiDict(parse_qsl(text, keep_blank_values=True)) if text else MultiDict()


@dataclass
class Request:
    """A request to the registry. Header names are in lower case; `client` is the IP address that it came from."""

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
        """How the answer departs from the specification, chosen once for a request."""
        return current_dialect()

    @property
    def base_url(self) -> str:
        """Where the client reached the registry: scheme and host."""
        return f"{self.scheme}://{self.host}"

    def read_body(self, limit: int) -> bytes | None:
        """Return the whole body, now and when it is asked for again; None for more than `limit` bytes."""
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
    """Bytes `start` up to `stop` of a blob, to be sent; closed by who sends it."""

    blob: OpenBlob
    start: int
    stop: int

    @property
    def size(self) -> int:
        return self.stop - self.start


@dataclass(slots=True)
class Response:
    """An answer. A HEAD is answered with the headers of its GET, so that Content-Length is set beside the body.

    `tags` are the values of OCI-Tag, which has a line for each.
    """

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | BlobSlice = b""
    tags: Sequence[str] = ()

    def __post_init__(self) -> None:
        self.headers = {**API_VERSION, **self.headers}
        if self.status != 304 and self.status != 204 and "Content-Length" not in self.headers:
            size = self.body.size if isinstance(self.body, BlobSlice) else len(self.body)
            self.headers["Content-Length"] = str(size)

    @property
    def header_lines(self) -> list[tuple[str, str]]:
        """Every header, line by line."""
        return [*self.headers.items(), *(("OCI-Tag", tag) for tag in self.tags)]

    @property
    def status_line(self) -> str:
        """The status and its reason phrase."""
        return f"{self.status} {reasons.get(self.status, 'Unknown')}"

    @classmethod
    def json(cls, status: int, document: Any, headers: Mapping[str, str] | None = None) -> Response:
        """Return an answer with a JSON document, ended by a newline."""
        content = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
        return cls(status, {"Content-Type": JSON, **(headers or {})}, content)

    def close(self) -> None:
        if isinstance(self.body, BlobSlice):
            self.body.blob.close()

    def chunks(self) -> Iterator[bytes]:
        """The body, for a carrier that takes only bytes."""
        try:
            if isinstance(self.body, BlobSlice):
                yield from self.body.blob.chunks(self.body.start, self.body.stop)
            elif self.body:
                yield self.body
        finally:
            self.close()
