"""The registry as an application: match a route, authorise, call the handler, render.

`respond` does that for every carrier. `registry_application` carries it over WSGI; `connection` and `in_process` are
the others.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from http.client import responses as reasons
from typing import Any
from urllib.parse import parse_qsl

from moto_ecr_ext.caller import calling
from moto_ecr_ext.distribution.carriers.bodies import body_of_environ
from moto_ecr_ext.distribution.carriers.heads import check_host
from moto_ecr_ext.exceptions import ECRError, RepositoryNotFoundException
from moto_ecr_ext.hosts import is_aws_host, registry_of_host
from moto_ecr_ext.storage.blobs.store import BlobStoreUnavailable
from moto_ecr_ext.storage.store import is_failure_of_storage

from .authentication import (
    Access,
    Unauthorized,
    access_by_password,
    access_by_url,
    ask_for_credentials,
)
from .errors import (
    RegistryError,
    registry_error,
    render_error,
    server_failed,
    storage_unavailable,
)
from .messages import BodyTruncated, Request, Response
from .routes import Route, find_route

log = logging.getLogger("moto_ecr_ext")

# Signatures of AWS, in versions 4 and 2.
_SIGNED = ("AWS4-HMAC-SHA256", "AWS ")
_SIGNED_QUERY = ("X-Amz-Algorithm=", "AWSAccessKeyId=")
# RFC 9110, 5.5: the characters with which a header ends, or seems to.
_ENDS_HEADER = re.compile(r"[\r\n\0]")


def is_for_registry(path: str, authorization: str, query: str, host: str) -> bool:
    """Whether a request is the registry's to answer.

    Other services have APIs below /v2/ too (SES v2, API Gateway v2, AppSync); their requests are signed, or go to a
    host that is theirs.
    """
    if path != "/v2" and not path.startswith("/v2/"):
        return False
    if authorization.startswith(_SIGNED) or any(mark in query for mark in _SIGNED_QUERY):
        return False
    if registry_of_host(host) is not None or is_aws_host(host):
        return True
    name = host.partition(":")[0]
    if ".amazonaws.com" in name or ".s3" in name:
        return False
    # A bucket of S3 may be part of such a host, and an object's key begin with v2/.
    # Before a client logs in, it asks for /v2/.
    return (
        not name.endswith(".localhost")
        or path in ("/v2", "/v2/")
        or authorization.lower().startswith("basic ")
        or "X-Ecr-Signature=" in query
    )


def is_registry_request(environ: dict[str, Any]) -> bool:
    """`is_for_registry` of a WSGI request."""
    return is_for_registry(
        environ.get("PATH_INFO", ""),
        environ.get("HTTP_AUTHORIZATION", ""),
        environ.get("QUERY_STRING", ""),
        environ.get("HTTP_HOST", "").lower(),
    )


def respond(request: Request) -> Response:
    """Return the registry's answer to a request. Each of its headers is one line."""
    try:
        check_host(request.host)
        route, placeholders = find_route(request.method, request.path)
        response = _handle(request, route, placeholders)
    except Unauthorized:
        response = ask_for_credentials(request)
    except RegistryError as error:
        response = render_error(error)
    except ECRError as error:
        response = render_error(registry_error(error))
    except BodyTruncated:
        response = render_error(
            RegistryError("BLOB_UPLOAD_INVALID", "The body ended before it was complete", 400)
        )
    except BlobStoreUnavailable as error:
        log.error("%s %s: %s", request.method, request.path, error)
        response = render_error(storage_unavailable(error))
    except Exception as error:
        if not is_failure_of_storage(error):
            raise
        log.exception("%s %s could not read or write what is kept", request.method, request.path)
        response = render_error(server_failed())
    if _ENDS_HEADER.search("".join(response.headers.values())):
        log.error("%s %s: a header of the answer has several lines", request.method, request.path)
        response.close()
        response = render_error(server_failed())
    if request.method == "HEAD":
        response.close()
        response.body = b""
    return response


def _handle(request: Request, route: Route, placeholders: dict[str, str]) -> Response:
    access = None
    if route.allows_signed_urls:
        access = access_by_url(request, route.action, **placeholders)
    if access is None:
        access = access_by_password(request, route.action)
    access.authorize(placeholders.get("name"))
    with calling(access.caller):
        try:
            return route.handler(request, access, **placeholders)
        except RepositoryNotFoundException:
            if not route.writes:
                raise
            name = placeholders["name"]
            if not access.backend.create_on_push(name, access.registry_id):
                log.warning(_how_to_create(request, access, name))
                raise
            # What is made for a push stays, whatever becomes of the push
            # (https://github.com/aws/containers-roadmap/issues/853).
            return route.handler(request, access, **placeholders)


def _how_to_create(request: Request, access: Access, name: str) -> str:
    region = access.backend.region_name
    command = f"aws ecr create-repository --repository-name {name} --region {region}"
    if access.caller.address:
        command += f" --endpoint-url {request.base_url}"
    return (
        f"Push to {name}, which does not exist in the registry of account {access.registry_id} in {region}. "
        f"To create it: {command}"
    )


def respond_to_environ(environ: dict[str, Any]) -> Response:
    """The registry's answer to a WSGI request."""
    try:
        request = _request_of_environ(environ)
    except RegistryError as error:
        return render_error(error)
    return respond(request)


def _request_of_environ(environ: dict[str, Any]) -> Request:
    """A WSGI request as the registry's own. Raises RegistryError for a Content-Length that is none."""
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
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=headers,
        body=body_of_environ(environ),
    )


def _address_of_server(environ: dict[str, Any]) -> str:
    name, port = environ["SERVER_NAME"], environ["SERVER_PORT"]
    return f"[{name}]:{port}" if ":" in name else f"{name}:{port}"


def status_line(status: int) -> str:
    return f"{status} {reasons.get(status, 'Unknown')}"


def registry_application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """The registry over WSGI, for any server."""
    response = respond_to_environ(environ)
    start_response(status_line(response.status), list(response.headers.items()))
    return response.chunks()
