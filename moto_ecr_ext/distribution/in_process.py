"""The registry inside the test process and in the proxy: moto hands over a whole request and takes a whole answer."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.awsrequest import AWSPreparedRequest


def registry_dispatch(request: Any, full_url: str, headers: Any) -> tuple[int, dict[str, str], bytes]:
    """What moto calls for a request to a registry's host."""
    from .app import request_of_environ, respond
    from .bodies import MemoryBody
    from .messages import Request

    if isinstance(request, AWSPreparedRequest):  # moto up to 5.2.2, in the process
        url = urlsplit(full_url)
        parsed = Request(
            method=request.method,
            scheme=url.scheme,
            host=url.netloc,
            path=unquote(url.path),
            query=dict(parse_qsl(url.query, keep_blank_values=True)),
            headers={str(name).lower(): str(value) for name, value in request.headers.items()},
            body=MemoryBody(_content(request.body)),
        )
    else:
        parsed = request_of_environ(request.environ)
    response = respond(parsed)
    return response.status, response.headers, b"".join(response.chunks())


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)
