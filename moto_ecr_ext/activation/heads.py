"""Requests that Python's HTTP server has read, and another reader could understand differently (RFC 9112).

It reads the requests of moto's proxy and server, except most requests for the registry, which
`distribution.carriers.heads` reads.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit


def refuse_ambiguous_head(handler: Any) -> bool:
    """Answer with 400 if the target or the end of a request is ambiguous. Return True in that case."""
    reason = _ambiguity(handler)
    if reason is not None:
        _refuse(handler, reason)
    return reason is not None


def refuse_bad_host(handler: Any) -> bool:
    """Answer with 400 if a request has no valid Host. Return True in that case.

    moto's server falls back to its own name.
    """
    from moto_ecr_ext.distribution.errors import RegistryError
    from moto_ecr_ext.distribution.host import check_host

    if handler.command == "CONNECT":
        return False
    try:
        check_host(handler.headers.get("Host", ""))
    except RegistryError:
        _refuse(handler, "Host is not host[:port]")
        return True
    return False


def read_chunks(handler: Any) -> bytes:
    """Return a body in chunks. Raises ConnectionError if it breaks off, or after the answer if it is malformed."""
    from moto_ecr_ext.distribution.carriers.bodies import SocketBody
    from moto_ecr_ext.distribution.carriers.connection import refuse
    from moto_ecr_ext.distribution.errors import RegistryError
    from moto_ecr_ext.distribution.messages import BodyTruncated

    body = SocketBody(handler.rfile, handler.connection, None)
    try:
        return b"".join(map(bytes, body.pieces()))
    except RegistryError as error:
        refuse(handler, error)
        raise ConnectionError(error.message) from error
    except BodyTruncated as error:
        raise ConnectionError("the body has broken off") from error


def _ambiguity(handler: Any) -> str | None:
    """Return the ambiguity in a head, or None."""
    from moto_ecr_ext.distribution.carriers.heads import TWO_LENGTHS, is_content_length

    try:
        urlsplit(handler.path)
    except ValueError:
        return "the target is not a URL"
    headers = handler.headers
    if len(headers.get_all("Host", [])) > 1:
        return "there are several Host headers"
    encodings = headers.get_all("Transfer-Encoding", [])
    lengths = headers.get_all("Content-Length", [])
    if encodings:
        if [each.strip(" \t").lower() for each in encodings] != ["chunked"]:
            return "Transfer-Encoding is not chunked"
        if lengths:
            return TWO_LENGTHS
    # A repeated equal length is allowed (RFC 9112, 6.3).
    if len(set(lengths)) > 1 or not all(is_content_length(each.strip(" \t")) for each in lengths):
        return "Content-Length is not a number"
    return None


def _refuse(handler: Any, reason: str) -> None:
    """Answer in the registry's form, since the service is not certain."""
    from moto_ecr_ext.distribution.carriers.connection import refuse
    from moto_ecr_ext.distribution.errors import malformed

    refuse(handler, malformed(reason))
