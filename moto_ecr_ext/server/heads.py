"""Requests that Python's HTTP server has read, and another reader could understand differently (RFC 9112).

It reads the requests of moto's proxy and server, except most requests for the registry, which
`distribution.carriers.heads` reads.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit


def refuse_ambiguous_head(handler: Any) -> bool:
    """Answer with 400 if the target or the end of a request is ambiguous. Return True in that case.

    The answer has the registry's form, since the service is not certain.
    """
    from moto_ecr_ext.distribution.carriers.connection import refuse
    from moto_ecr_ext.distribution.errors import RegistryError

    try:
        _check_head(handler)
    except RegistryError as error:
        refuse(handler, error)
        return True
    return False


def refuse_bad_host(handler: Any) -> bool:
    """Answer with 400 if a request has no valid Host. Return True in that case.

    moto's server falls back to its own name.
    """
    from moto_ecr_ext.distribution.carriers.connection import refuse
    from moto_ecr_ext.distribution.errors import RegistryError, malformed
    from moto_ecr_ext.distribution.host import check_host

    if handler.command == "CONNECT":
        return False
    try:
        check_host(handler.headers.get("Host", ""))
    except RegistryError:
        refuse(handler, malformed("Host is not host[:port]"))
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


def _check_head(handler: Any) -> None:
    """Raise RegistryError if a head is ambiguous."""
    from moto_ecr_ext.distribution.carriers.heads import body_length
    from moto_ecr_ext.distribution.errors import malformed

    try:
        urlsplit(handler.path)
    except ValueError:
        raise malformed("the target is not a URL") from None
    if len(handler.headers.get_all("Host", [])) > 1:
        raise malformed("there are several Host headers")
    # A repeated equal length is allowed (RFC 9112, 6.3).
    lengths = dict.fromkeys(handler.headers.get_all("Content-Length", []))
    body_length(
        handler.request_version.removeprefix("HTTP/"),
        _list(handler.headers.get_all("Transfer-Encoding", [])),
        _list(lengths),
    )


def _list(values: Collection[str]) -> str | None:
    """Return the lines of a header as one list (RFC 9110, 5.3), or None without any."""
    return ", ".join(each.strip(" \t") for each in values) if values else None
