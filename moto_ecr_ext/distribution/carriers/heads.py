"""Heads of HTTP requests, parsed strictly (RFC 9112).

A head that two readers could understand differently is refused instead of repaired: a repaired one smuggles requests
past proxies, and line ends into the headers of answers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from moto_ecr_ext.distribution.errors import RegistryError, malformed
from moto_ecr_ext.distribution.host import check_host

# RFC 9110, 5.6.2.
TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"

_TOKEN = re.compile(f"{TCHAR}+")
# RFC 9112, 3: a path of visible ASCII with a query, after a scheme and an authority in requests to proxies.
_REQUEST_LINE = re.compile(
    rf"({TCHAR}+) (?:(?i:https?)://([^/?#\s]*))?(/[!-\"$->@-~]*)(?:\?([!-\"$-~]*))? HTTP/1\.([0-9])"
)
# A request line of the registry, as a lenient server recognizes it.
_NAMES_REGISTRY = re.compile(r"\S*\s+(?:\w+://[^/?#\s]*)?/+v2(?![^/?#\s])")
# RFC 9110, 5.5: the bytes of a field line. All others are control characters.
_TEXT = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])


@dataclass(slots=True)
class Head:
    """A request line and its headers, by name in lower case. `size` is the length in bytes."""

    method: str
    host: str
    path: str
    query: str
    version: str
    headers: dict[str, str]
    size: int

    @property
    def is_last(self) -> bool:
        """True if the client wants to close the connection after this request."""
        return self.version != "1.1" or "close" in self.headers.get("connection", "").lower()

    def body_length(self) -> int | None:
        """Return the length of the body in bytes, or None for chunks. Raises RegistryError if it is ambiguous."""
        return body_length(
            self.version,
            self.headers.get("transfer-encoding"),
            self.headers.get("content-length"),
        )


def read_head(received: bytes) -> Head | None:
    """Return the head at the beginning of `received`, or None if it is incomplete or not below /v2.

    Raises RegistryError if it is malformed.
    """
    text, end, _ = received.partition(b"\r\n\r\n")
    if not end:
        text = text.removesuffix(b"\r")  # The first half of a line's end.
    request_line, *lines = text.decode("latin-1").split("\r\n")
    match = _REQUEST_LINE.fullmatch(request_line)
    if match is None:
        if _names_registry(received):
            raise malformed(f"{request_line[:200]!r} is not a request line")
        return None
    method, authority, path, query, minor = match.groups()
    path = unquote(path)
    if not f"{path}/".startswith("/v2/"):
        return None
    if text.translate(None, _TEXT) != b"\r\n" * len(lines):
        raise malformed("a header has a control character, or its line does not end with CR LF")
    if not end:
        return None
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _is_token(name):
            raise malformed(f"{line[:200]!r} is not a header")
        name, value = name.lower(), value.strip(" \t")
        # A repeated header is one list (RFC 9110, 5.3), which Host, Content-Length and Transfer-Encoding must not be.
        # docker sends each accepted media type in a separate line, in random order.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if minor == "0" and "host" not in headers:
        return None  # The server knows its own name.
    # RFC 9112, 3.2: both must be well-formed; 3.2.2: the host in the request line takes precedence.
    host = headers.get("host", "")
    check_host(host)
    if authority is not None:
        host = authority
        check_host(host)
    return Head(
        method=method,
        host=host.lower(),
        path=path,
        query=query or "",
        version=f"1.{minor}",
        headers=headers,
        size=len(text) + len(end),
    )


def _names_registry(received: bytes) -> bool:
    """Return True if moto's server would recognize the received first line as a request below /v2."""
    line, end, _ = received.partition(b"\n")
    return bool(end and _NAMES_REGISTRY.match(unquote(line.decode("latin-1")).lstrip()))


def body_length(version: str, encoding: str | None, length: str | None) -> int | None:
    """Return the length of a body in bytes, or None for chunks.

    `encoding` and `length` are the values of Transfer-Encoding and Content-Length, `version` that of HTTP. Raises
    RegistryError if two readers could disagree (RFC 9112, 6.3).
    """
    if encoding is None:
        return content_length("0" if length is None else length)
    if length is not None:
        raise malformed("Transfer-Encoding and Content-Length exclude each other")
    if encoding.lower() != "chunked" or version == "1.0":
        raise malformed(f"Transfer-Encoding {encoding!r} is not supported")
    return None


def content_length(text: str) -> int:
    """Return the number of bytes in a Content-Length. Raises RegistryError if it is not a number."""
    text = text.strip(" \t")
    # A file can have fewer than 10 ** 18 bytes.
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise RegistryError("SIZE_INVALID", f"'{text}' is not a Content-Length", 400)
    return int(text)


@lru_cache(maxsize=256)
def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None
