"""Authorization: the caller and the registry, decided once before the handler from the route and the credentials.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

from moto_ecr_ext import arns, hosts, settings
from moto_ecr_ext.caller import Caller, calling
from moto_ecr_ext.exceptions.common import UnrecognizedClientException
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import default_registry, registry_backend
from moto_ecr_ext.models.registry.authorization import registry_of_download, token_of
from moto_ecr_ext.models.registry.tokens import (
    RegistryToken,
    TokenError,
    TokenExpired,
    is_download_query,
)
from moto_ecr_ext.moto_services.iam import account_principal, is_enforced
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.process import this_process

from .errors import RegistryError, token_expired, token_invalid
from .messages import Request, Response

USER = "AWS"


class Unauthorized(Exception):
    """A request without a password of the user AWS, or with the password of a principal that IAM does not know."""


@dataclass(frozen=True, slots=True)
class Access:
    """A caller at a registry.

    `backend` is the caller's own registry, `registry_id` the account of the requested one.
    """

    backend: ECRBackend
    registry_id: str
    caller: Caller

    def authorize(self, name: str | None) -> None:
        """Raise AccessDeniedException if moto's IAM is enforced and denies the action.

        `name` is the repository, or None for a request about several. Raises Unauthorized for a user or role that IAM
        does not know.
        """
        if not self.caller.is_enforced:
            return
        resource = "*"
        if self.caller.action != "ecr:GetAuthorizationToken":
            resource = arns.repository_arn(self.registry_id, self.backend.region_name, name or "*")
        with calling(self.caller):
            try:
                self.backend.authorize_call([resource])
            except UnrecognizedClientException:
                raise Unauthorized from None


def access_by_password(request: Request, action: str) -> Access:
    """Return the access by a password of GetAuthorizationToken.

    A registry's host name selects the registry; any other host leads to the registry of the token. Raises Unauthorized
    without a password, and RegistryError if the password has expired or is not valid here.
    """
    registry = hosts.registry_of_host(request.host)
    if not request.headers.get("authorization") and settings.LOGIN.get() == "optional":
        return _access_of_nobody(request, action, registry)
    region = registry.region if registry else default_registry().region
    token = _token(request.headers.get("authorization", ""), region)
    if registry is None:
        registry = arns.Registry(token.account_id, token.region)
    elif registry.region != token.region:
        raise token_invalid()  # A token is valid for the registries of one Region.
    principal = token.principal or account_principal(token.account_id, token.region)
    return _access(request, action, registry, principal, is_enforced())


def _access_of_nobody(request: Request, action: str, registry: arns.Registry | None) -> Access:
    """Return the access of a request without credentials: that of the default account to its own registry.

    Clients send the credentials that they have only if they are asked, as for every other registry. While IAM is
    enforced, it does not know the account as a whole.
    """
    default = default_registry()
    if registry not in (None, default):
        raise Unauthorized
    principal = account_principal(default.account_id, default.region)
    return _access(request, action, default, principal, is_enforced())


def access_by_url(request: Request, action: str, name: str, digest: Digest) -> Access | None:
    """Return the access by a URL of GetDownloadUrlForLayer, or None if the request has no such URL.

    Raises RegistryError if the URL is for another request, or has expired.
    """
    if not is_download_query(request.query):
        return None
    try:
        registry = registry_of_download(request.query, name, digest)
    except TokenExpired:
        raise RegistryError("DENIED", "Request has expired", 403) from None
    except TokenError:
        raise RegistryError(
            "DENIED", "The request signature does not match the URL that was signed", 403
        ) from None
    principal = account_principal(registry.account_id, registry.region)
    # AWS signs the URL for its caller, and anybody with the URL may download.
    return _access(request, action, registry, principal, is_enforced=False)


def _access(
    request: Request, action: str, registry: arns.Registry, principal: str, is_enforced: bool
) -> Access:
    account_of_caller = principal.split(":")[4]
    if account_of_caller != registry.account_id:
        this_process().need_moto()  # The policies of the other account ask several services.
    try:
        backend = registry_backend(account_of_caller, registry.region)
    except KeyError:
        raise RegistryError(
            "NAME_UNKNOWN", f"There is no Region '{registry.region}'", 404
        ) from None
    caller = Caller(
        action=action,
        principal=principal,
        scheme=request.scheme,
        address=None if hosts.is_aws_host(request.host) else request.host,
        is_enforced=is_enforced,
        client=request.client,
        vpc_endpoint=hosts.vpc_endpoint_of_host(request.host),
        user_agent=request.headers.get("user-agent", ""),
    )
    return Access(backend, registry.account_id, caller)


def _token(authorization: str, region: str) -> RegistryToken:
    password = _password(authorization)
    if password is None:
        raise Unauthorized
    try:
        return token_of(password, region)
    except TokenExpired:
        raise token_expired() from None
    except TokenError:
        raise token_invalid() from None


@lru_cache(maxsize=256)
def _password(authorization: str) -> str | None:
    """Return the password of the user AWS in an Authorization header (RFC 7617), or None for any other header."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if scheme.lower() == "basic" and user == USER else None


def ask_for_credentials(request: Request) -> Response:
    """Return ECR's 401 response, which is plain text."""
    return Response(
        401,
        {
            "WWW-Authenticate": f'Basic realm="{request.base_url}/",service="ecr.amazonaws.com"',
            "Content-Type": "text/plain; charset=utf-8",
        },
        b"Not Authorized\n",
    )
