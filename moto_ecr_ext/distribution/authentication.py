"""Who asks, and of which registry: decided from the route and the credentials, once, before the handler.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from functools import lru_cache

from moto_ecr_ext import hosts, settings
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
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.services.iam import account_principal, is_enforced
from moto_ecr_ext.services.moto_process import require_moto

from .errors import RegistryError
from .messages import Request, Response

USER = "AWS"


class Unauthorized(Exception):
    """No credentials, or none that this registry gave."""


@dataclass(frozen=True, slots=True)
class Access:
    """A caller at a registry. `backend` is the caller's own, `registry_id` the account whose registry is asked."""

    backend: ECRBackend
    registry_id: str
    caller: Caller

    def authorize(self, name: str | None) -> None:
        """Raise AccessDeniedException where moto's IAM is enforced and does not permit this.

        `name` is that of the repository, or None if the request is about several. Raises Unauthorized for a user or
        role that IAM does not know.
        """
        if not self.caller.is_enforced:
            return
        resource = "*"
        if self.caller.action != "ecr:GetAuthorizationToken":
            resource = hosts.repository_arn(self.registry_id, self.backend.region_name, name or "*")
        with calling(self.caller):
            try:
                self.backend.authorize_call([resource])
            except UnrecognizedClientException:
                raise Unauthorized from None


def access_by_password(request: Request, action: str) -> Access:
    """Return the access that the password of GetAuthorizationToken gives.

    The host names the registry where it is a registry's; the registry of the token is meant by every other. Raises
    Unauthorized, and RegistryError when the password has expired.
    """
    registry = hosts.registry_of_host(request.host)
    if not request.headers.get("authorization") and settings.LOGIN.get() == "optional":
        return _access_of_nobody(request, action, registry)
    region = registry.region if registry else default_registry().region
    token = _token(request.headers.get("authorization", ""), region)
    if registry is None:
        registry = hosts.Registry(token.account_id, token.region)
    elif registry.region != token.region:
        raise Unauthorized  # A token is good for the registries of one region.
    principal = token.principal or account_principal(token.account_id, token.region)
    return _access(request, action, registry, principal, is_enforced())


def _access_of_nobody(request: Request, action: str, registry: hosts.Registry | None) -> Access:
    """Return the access of a request without credentials: that of the default account to its own registry.

    Clients send the credentials that they have when they are asked for them, as they are for every other registry.
    Where IAM is enforced, the account as a whole is nobody that it knows.
    """
    default = default_registry()
    if registry not in (None, default):
        raise Unauthorized
    principal = account_principal(default.account_id, default.region)
    return _access(request, action, default, principal, is_enforced())


def access_by_url(request: Request, action: str, name: str, digest: Digest) -> Access | None:
    """Return the access that a URL of GetDownloadUrlForLayer gives; None if the request has no such URL.

    Raises RegistryError when it was made for something else, or has expired.
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
    # Whoever has the URL may download: AWS signs it for the caller that asked.
    return _access(request, action, registry, principal, is_enforced=False)


def _access(
    request: Request, action: str, registry: hosts.Registry, principal: str, is_enforced: bool
) -> Access:
    account_of_caller = principal.split(":")[4]
    if account_of_caller != registry.account_id:
        require_moto()  # The policies of the other account ask several services.
    try:
        backend = registry_backend(account_of_caller, registry.region)
    except KeyError:
        raise RegistryError(
            "NAME_UNKNOWN", f"There is no region '{registry.region}'", 404
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
    try:
        if password is None:
            raise Unauthorized
        return token_of(password, region)
    except TokenExpired:
        raise RegistryError(
            "DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403
        ) from None
    except TokenError:
        raise Unauthorized from None


@lru_cache(maxsize=256)
def _password(authorization: str) -> str | None:
    """Return the password that user AWS gives in an Authorization header (RFC 7617); None for any other header."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password if scheme.lower() == "basic" and user == USER else None


def ask_for_credentials(request: Request) -> Response:
    """Return the 401 of ECR, which is plain text."""
    return Response(
        401,
        {
            "WWW-Authenticate": f'Basic realm="{request.base_url}/",service="ecr.amazonaws.com"',
            "Content-Type": "text/plain; charset=utf-8",
        },
        b"Not Authorized\n",
    )
