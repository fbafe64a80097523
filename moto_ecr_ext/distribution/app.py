"""The registry as an application: match a route, authorize, call the handler, render.

`answer` does that for the requests of every carrier: `carriers.connection`, `carriers.wsgi` and `carriers.in_process`.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from typing import Any

from moto_ecr_ext import faults
from moto_ecr_ext.caller import calling
from moto_ecr_ext.calls import REGISTRY, CallRecord, recording
from moto_ecr_ext.exceptions import ECRError, RepositoryNotFoundException, TemplateNeedsRole
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.hosts import is_aws_host, registry_of_host, vpc_endpoint_of_host
from moto_ecr_ext.models.failures import reporting_failures_of_storage
from moto_ecr_ext.models.registry.calls import note_answer
from moto_ecr_ext.process import this_process

from .authentication import (
    Access,
    Unauthorized,
    access_by_password,
    access_by_url,
    ask_for_credentials,
)
from .errors import (
    RegistryError,
    UnknownPath,
    body_truncated,
    registry_error,
    render_error,
    render_unknown_path,
    server_failed,
)
from .faults import damage, spare, suffer
from .hints import give, how_to_create, where_it_is
from .host import check_host, is_host
from .messages import BodyTruncated, Request, Response
from .routes import Route, find_route

log = logging.getLogger("moto_ecr_ext")

# Signatures of AWS, versions 4 and 2.
_SIGNED = ("AWS4-HMAC-SHA256", "AWS ")
_SIGNED_QUERY = ("X-Amz-Algorithm=", "AWSAccessKeyId=")
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


def answer(request: Request) -> Response:
    """Return the registry's answer to a request. Each of its headers is one line.

    Raises NeedsMoto if only another process can answer.
    """
    with recording(REGISTRY, request.method, request.path) as call:
        response = _response_to(request, call)
        call.status = response.status
        call.digest = response.headers.get("Docker-Content-Digest", "")
        call.received, call.sent = request.body.length or 0, response.size
        note_answer(call)
    return response


def _response_to(request: Request, call: CallRecord) -> Response:
    call.client, call.user_agent = request.client, request.headers.get("user-agent", "")
    try:
        check_host(request.host)
        route, placeholders = find_route(request.method, request.path)
        call.kind = route.label
        call.operation = route.operation
        call.repository = placeholders.get("name", "")
        call.reference = str(placeholders.get("reference") or placeholders.get("digest") or "")
        process = this_process()
        process.need_moto_at_times()
        if route.sends_events:
            process.need_moto()
        with reporting_failures_of_storage(f"{request.method} {request.path}"):
            response = _handle(request, route, placeholders, call)
    except Unauthorized:
        call.error_code = "UNAUTHORIZED"
        response = ask_for_credentials(request)
    except UnknownPath as error:
        call.error_code, call.reason = error.code, error.message
        response = render_unknown_path(error, request.dialect)
    except RegistryError as error:
        response = _refuse(error, call)
    except ECRError as error:
        if isinstance(error, TemplateNeedsRole):
            give(error.hint)
        response = _refuse(registry_error(error, request.dialect), call)
    except BodyTruncated:
        response = _refuse(body_truncated(), call)
    if request.query and request.dialect.answers_with_namespace:
        _repeat_namespace(request, response)
    if _ENDS_HEADER.search("".join(value for _, value in response.header_lines)):
        log.error("%s %s: a header of the answer has several lines", request.method, request.path)
        response.close()
        response = render_error(server_failed())
    if request.method == "HEAD":
        response.close()
        response.body = b""
    return response


def _repeat_namespace(request: Request, response: Response) -> None:
    """Name the host that a client has used in the name of a repository, for clients of a mirror.

    OCI Distribution Specification, development version, "Registry Proxying".
    """
    namespace = request.query.get("ns", "")
    if is_host(namespace):
        response.headers["OCI-Namespace"] = namespace


def _refuse(error: RegistryError, call: CallRecord) -> Response:
    call.error_code, call.reason = error.code, error.message
    return render_error(error)


def _handle(
    request: Request, route: Route, placeholders: dict[str, Any], call: CallRecord
) -> Response:
    access = None
    if route.allows_signed_urls:
        access = access_by_url(request, route.action, **placeholders)
    if access is None:
        access = access_by_password(request, route.action)
    call.caller = access.caller.principal
    call.account_id, call.region = access.backend.account_id, access.backend.region_name
    call.registry_id = access.registry_id
    try:
        access.authorize(placeholders.get("name"))
    except AccessDeniedException:
        if route.writes:
            _create_for_denied_push(access, placeholders["name"])
        raise
    call.is_authorized = True
    struck = suffer(call) if faults.active else None
    with calling(access.caller):
        try:
            response = _call_handler(request, route, access, placeholders)
        except BaseException:
            if struck is not None:
                spare(*struck)
            raise
    if struck is not None:
        damage(response, *struck)
    return response


def _create_for_denied_push(access: Access, name: str) -> None:
    """Create a missing repository for a caller who may create it but not push to it. As on AWS, it stays empty.

    https://github.com/aws/containers-roadmap/issues/853
    """
    with calling(access.caller), suppress(ECRError):
        access.backend.create_on_push(name, access.registry_id)


def _call_handler(
    request: Request, route: Route, access: Access, placeholders: dict[str, Any]
) -> Response:
    try:
        return route.handler(request, access, **placeholders)
    except TemplateNeedsRole:
        raise
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
