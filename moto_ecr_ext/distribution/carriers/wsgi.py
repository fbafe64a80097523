"""The registry over WSGI, for any server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto_ecr_ext.caller import LOOPBACK
from moto_ecr_ext.distribution.app import answer, is_for_registry
from moto_ecr_ext.distribution.errors import RegistryError, render_error
from moto_ecr_ext.distribution.messages import Request, Response, read_query
from moto_ecr_ext.faults import ConnectionEnds
from moto_ecr_ext.platforms.sockets import end

from .bodies import body_of_environ
from .gate import Gate


def is_registry_request(environ: dict[str, Any]) -> bool:
    """Return True if the registry answers a WSGI request."""
    return is_for_registry(
        environ.get("PATH_INFO", ""),
        environ.get("HTTP_AUTHORIZATION", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_HOST", "").lower(),
    )


def answer_environ(environ: dict[str, Any], gate: Gate | None = None) -> Response:
    """Return the registry's answer to a WSGI request, which `gate` may refuse."""
    try:
        request = _request_of_environ(environ)
        if gate is not None:
            gate.check(request.method, request.host, request.headers)
    except RegistryError as error:
        return render_error(error)
    if gate is None or "origin" not in request.headers:
        return answer(request)
    response = gate.preflight(request.method, request.headers) or answer(request)
    gate.show(response, request.headers["origin"])
    return response


def _request_of_environ(environ: dict[str, Any]) -> Request:
    """Convert a WSGI request. Raises RegistryError if its Content-Length is not a number."""
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    return Request(
        method=environ["REQUEST_METHOD"],
        scheme=environ["wsgi.url_scheme"],
        host=headers.get("host", "").lower() or _address_of_server(environ),
        path=environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace"),
        query=read_query(environ.get("QUERY_STRING", "")),
        headers=headers,
        body=body_of_environ(environ),
        client=environ.get("REMOTE_ADDR") or LOOPBACK,
    )


def _address_of_server(environ: dict[str, Any]) -> str:
    name, port = environ["SERVER_NAME"], environ["SERVER_PORT"]
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def registry_application(
    environ: dict[str, Any], start_response: Any, gate: Gate | None = None
) -> Iterable[bytes]:
    """Answer a request, as a WSGI application for any server. Raises ConnectionResetError for an end by a fault."""
    try:
        response = answer_environ(environ, gate)
    except ConnectionEnds as ending:
        ending.hang()
        if "werkzeug.socket" in environ:
            end(environ["werkzeug.socket"])
        raise ConnectionResetError(str(ending)) from None
    start_response(response.status_line, response.header_lines)
    return response.chunks()
