"""The registry as an application: match a route, authorize, call the handler, render.

`respond` does that for the requests of every carrier: `carriers.connection`, `carriers.wsgi` and `carriers.in_process`.
"""

from __future__ import annotations

import logging
import re
from time import perf_counter
from typing import Any

from moto_ecr_ext.caller import calling, current_exchange
from moto_ecr_ext.exceptions import ECRError, RepositoryNotFoundException
from moto_ecr_ext.hosts import is_aws_host, registry_of_host, vpc_endpoint_of_host
from moto_ecr_ext.models.failures import reporting_failures_of_storage
from moto_ecr_ext.models.registry.counts import note_request
from moto_ecr_ext.services.moto_process import NeedsMoto, require_moto, require_moto_at_times

from .authentication import (
    Access,
    Unauthorized,
    access_by_password,
    access_by_url,
    ask_for_credentials,
)
from .errors import RegistryError, registry_error, render_error, server_failed
from .hints import give, how_to_create, where_it_is
from .host import check_host
from .messages import BodyTruncated, Request, Response
from .routes import Route, find_route

log = logging.getLogger("moto_ecr_ext")

# Signatures of AWS, versions 4 and 2.
_SIGNED = ("AWS4-HMAC-SHA256", "AWS ")
_SIGNED_QUERY = ("X-Amz-Algorithm=", "AWSAccessKeyId=")
# The longest path in the list of the last requests.
_LONGEST_PATH = 500
# RFC 9110, 5.5: characters that end a header, or appear to.
_ENDS_HEADER = re.compile(r"[\r\n\0]")


def is_for_registry(path: str, authorization: str, query: str, host: str) -> bool:
    """Return True if the registry answers this request.

    Other services have APIs below /v2/, too (SES v2, API Gateway v2, AppSync). Their requests are signed, or have a
    host of the service.
    """
    if path != "/v2" and not path.startswith("/v2/"):
        return False
    if authorization.startswith(_SIGNED) or any(mark in query for mark in _SIGNED_QUERY):
        return False
    if registry_of_host(host) or is_aws_host(host) or vpc_endpoint_of_host(host):
        return True
    name = host.partition(":")[0]
    if ".amazonaws.com" in name or ".s3" in name:
        return False
    # A bucket of S3 may be part of such a host, and an object's key may begin with v2/. Before a login, a client
    # requests /v2/.
    return (
        not name.endswith(".localhost")
        or path in ("/v2", "/v2/")
        or authorization.lower().startswith("basic ")
        or "X-Ecr-Signature=" in query
    )


def respond(request: Request) -> Response:
    """Return the registry's answer to a request. Each of its headers is one line. Raises NeedsMoto in a worker."""
    began = perf_counter()
    response = _answer(request)
    digest = response.headers.get("Docker-Content-Digest", "")
    note_request(
        f"{request.method} {request.path[:_LONGEST_PATH]}",
        response.status,
        perf_counter() - began,
        digest,
    )
    return response


def _answer(request: Request) -> Response:
    try:
        check_host(request.host)
        route, placeholders = find_route(request.method, request.path)
        require_moto_at_times()
        if route.needs_moto:
            require_moto()
        with reporting_failures_of_storage(f"{request.method} {request.path}"):
            response = _handle(request, route, placeholders)
    except Unauthorized:
        response = ask_for_credentials(request)
    except RegistryError as error:
        response = _refuse(error)
    except ECRError as error:
        response = _refuse(registry_error(error, request.dialect))
    except BodyTruncated:
        response = render_error(
            RegistryError("BLOB_UPLOAD_INVALID", "The body ended before it was complete", 400)
        )
    if _ENDS_HEADER.search("".join(value for _, value in response.header_lines)):
        log.error("%s %s: a header of the answer has several lines", request.method, request.path)
        response.close()
        response = render_error(server_failed())
    if request.method == "HEAD":
        response.close()
        response.body = b""
    return response


def _refuse(error: RegistryError) -> Response:
    exchange = current_exchange()
    if exchange is not None:
        exchange.reason = error.message
    return render_error(error)


def _handle(request: Request, route: Route, placeholders: dict[str, Any]) -> Response:
    exchange = current_exchange()
    if exchange is not None:
        exchange.kind = route.label
        exchange.repository = placeholders.get("name", "")
    access = None
    if route.allows_signed_urls:
        access = access_by_url(request, route.action, **placeholders)
    if access is None:
        access = access_by_password(request, route.action)
    if exchange is not None:
        exchange.account_id, exchange.region = access.registry_id, access.backend.region_name
    access.authorize(placeholders.get("name"))
    is_ours = True
    with calling(access.caller):
        try:
            return _serve(request, route, access, placeholders)
        except NeedsMoto:
            is_ours = False
            raise
        finally:
            if is_ours:
                access.backend.count_call(route.action.removeprefix("ecr:"))


def _serve(
    request: Request, route: Route, access: Access, placeholders: dict[str, Any]
) -> Response:
    try:
        return route.handler(request, access, **placeholders)
    except RepositoryNotFoundException as error:
        name = placeholders["name"]
        if not route.writes or not access.backend.create_on_push(name, access.registry_id):
            error.hint = where_it_is(access, name)
            if error.hint is not None:
                give(error.hint)
            elif route.writes:
                give(how_to_create(access, name, request.base_url))
            raise
        # A repository that was created for a push stays, even if the push fails
        # (https://github.com/aws/containers-roadmap/issues/853).
        return route.handler(request, access, **placeholders)
