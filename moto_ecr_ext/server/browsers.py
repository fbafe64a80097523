"""Requests of web pages to moto's server and proxy. Foreign pages cannot reach moto's own API and ECR."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from werkzeug import Response

if TYPE_CHECKING:
    from moto_ecr_ext.distribution.carriers.gate import Gate

# The prefix of moto's own paths, which its server recognizes.
_MOTO_API = "/moto-api"
# Headers that only browsers send, by their names in WSGI.
_OF_BROWSERS = (
    ("HTTP_ORIGIN", "origin"),
    ("HTTP_SEC_FETCH_SITE", "sec-fetch-site"),
    ("HTTP_SEC_FETCH_MODE", "sec-fetch-mode"),
    ("HTTP_SEC_FETCH_DEST", "sec-fetch-dest"),
)


def refusal(gate: Gate, environ: Mapping[str, Any], find_service: Callable[[], str | None]) -> Any:
    """Return the WSGI application that refuses a request, or None for a permitted request.

    Other services than ECR keep moto's own rules: SDKs in browsers use them. `find_service` is called for requests of
    foreign pages only.
    """
    from moto_ecr_ext.distribution.errors import RegistryError

    host = environ.get("HTTP_HOST", "")
    try:
        gate.check_name(host)
    except RegistryError as error:
        return _refused(error.message, error.status)
    headers = {header: environ[name] for name, header in _OF_BROWSERS if name in environ}
    if not headers:
        return None
    try:
        gate.check_page(environ["REQUEST_METHOD"], host, headers)
    except RegistryError as error:
        if environ.get("PATH_INFO", "").startswith(_MOTO_API) or find_service() == "ecr":
            return _refused(error.message, error.status)
    return None


def refuse_page(handler: Any, find_service: Callable[[Any], str | None]) -> bool:
    """Answer a foreign page's request to ECR or moto's own API with 403. Return True if it was one.

    The request was sent to the proxy; `find_service` returns its service.
    """
    from moto_ecr_ext.distribution.errors import RegistryError

    gate: Gate | None = getattr(handler.server, "gate", None)
    headers = {name: handler.headers[name] for _, name in _OF_BROWSERS if name in handler.headers}
    if gate is None or not headers or handler.command == "CONNECT":
        return False
    try:
        gate.check_page(handler.command, handler.headers.get("Host", ""), headers)
    except RegistryError as error:
        if find_service(handler) in ("ecr", "moto_api"):
            handler.close_connection = True
            handler.send_error(error.status, error.message)
            return True
    return False


def _refused(message: str, status: int) -> Response:
    """Return a refusal in the form of AWS's JSON protocols: SDKs show its message."""
    return Response(
        json.dumps({"__type": "AccessDeniedException", "message": message}),
        status,
        {"x-amzn-RequestId": str(uuid.uuid4())},
        content_type="application/x-amz-json-1.1",
    )
