"""The registry in the test process and in the proxy.

moto passes whole requests, and expects whole answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from requests import PreparedRequest, exceptions

from moto_ecr_ext.clock import date_header
from moto_ecr_ext.faults import ConnectionEnds, CutOff
from moto_ecr_ext.hosts import registry_of_host, vpc_endpoint_of_host

if TYPE_CHECKING:
    from moto_ecr_ext.distribution.messages import Response


def registry_dispatch(
    request: Any, full_url: str, headers: Any
) -> tuple[int, dict[str, str], bytes]:
    """Answer a request to a registry's host. moto calls this.

    Raises the errors of `requests` for a connection that ends by a fault.
    """
    try:
        response = _answer(request, full_url)
        body = b"".join(response.chunks())
    except ConnectionEnds as end:
        kind = exceptions.ReadTimeout if end.hangs_for else exceptions.ConnectionError
        raise kind(str(end)) from None
    except CutOff as error:
        raise exceptions.ChunkedEncodingError(str(error)) from None
    # moto's proxy closes the connection after every answer without a notice. A client would wait there for the
    # answer to its next request, or lose a POST that cannot be sent twice.
    headers = {**date_header(request), "Connection": "close"}
    for name, value in response.header_lines:
        # moto has one line for each name. Several values are one list (RFC 9110, 5.3).
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return response.status, headers, body


def _answer(request: Any, full_url: str) -> Response:
    from moto_ecr_ext.distribution.app import answer
    from moto_ecr_ext.distribution.messages import Request, read_query

    from .bodies import MemoryBody
    from .wsgi import answer_environ

    if hasattr(request, "environ"):
        return answer_environ(request.environ)
    # A prepared request of `requests`, from moto up to 5.2.3 in the process.
    url = urlsplit(full_url)
    return answer(
        Request(
            method=request.method,
            scheme=url.scheme,
            host=url.netloc,
            path=unquote(url.path),
            query=read_query(url.query),
            headers={str(name).lower(): str(value) for name, value in request.headers.items()},
            body=MemoryBody(_content(request.body)),
        )
    )


def is_for_registry(request: PreparedRequest) -> bool:
    """Return True if a request of `requests` goes to a registry's host, also through a VPC endpoint."""
    host = urlsplit(request.url or "").netloc
    return registry_of_host(host) is not None or vpc_endpoint_of_host(host) is not None


def with_whole_body(request: PreparedRequest) -> PreparedRequest:
    """Return the request with its body as bytes, regardless of its original form."""
    whole = request.copy()
    whole.body = _content(request.body)
    return whole


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    if isinstance(body, str):
        return body.encode()
    return bytes(body) if isinstance(body, (bytes, bytearray, memoryview)) else b"".join(body)
