"""Credentials of the registry protocol: passwords, and URLs that download one layer."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

from moto_ecr_ext import arns, hosts
from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.moto_services.iam import account_principal, is_account_principal
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.store import current_store

from .tokens import (
    TOKEN_LIFETIME,
    RegistryToken,
    TokenError,
    TokenExpired,
    issue_password,
    read_download_query,
    read_password,
)


class AuthorizationBackend(RegistryBackend):
    """GetAuthorizationToken."""

    def get_authorization_token(self, registry_ids: list[str] | None = None) -> dict[str, Any]:
        """Return one token for each requested registry. Tokens are valid for twelve hours.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
        """
        rules = self.rules.registries
        is_constant = rules.has_constant_passwords()
        signed_until = timestamp() + TOKEN_LIFETIME
        data = []
        for registry_id in registry_ids or [self.account_id]:
            password, expires_at = (
                rules.constant_password(registry_id)
                if is_constant
                else (self._password(registry_id, signed_until), signed_until)
            )
            data.append(
                {
                    "authorizationToken": _encoded(password),
                    "expiresAt": expires_at,
                    "proxyEndpoint": hosts.proxy_endpoint(registry_id, self.region_name),
                }
            )
        return {"authorizationData": data}

    def _password(self, registry_id: str, expires_at: float) -> str:
        caller = current_caller()
        principal = (
            caller.principal if caller else account_principal(self.account_id, self.region_name)
        )
        is_own = principal == account_principal(registry_id, self.region_name)
        token = RegistryToken(
            registry_id, self.region_name, expires_at, None if is_own else principal
        )
        is_account = is_account_principal(principal)
        key = self.store.signing_key if is_account else self.store.principals_key()
        return issue_password(key, token)

    def password(self) -> str:
        """Return a password with which user AWS logs in to this registry, as its account."""
        return self._password(self.account_id, timestamp() + TOKEN_LIFETIME)


def _encoded(password: str) -> str:
    return base64.b64encode(f"AWS:{password}".encode()).decode()


def token_of(password: str, region: str) -> RegistryToken:
    """Return the token in a password of any registry. Raises TokenExpired, and TokenError for any other text.

    An account's passwords stay valid after a reset, so that nobody has to log in again. An IAM principal's passwords
    end with it, since a reset deletes the principal. A constant password names no Region; it is for `region`.
    """
    store = current_store()
    try:
        return read_password(store.signing_key, password)
    except TokenExpired:
        raise
    except TokenError:
        account_id = current_rules().registries.account_of_password(password)
        if account_id is not None:
            return RegistryToken(account_id, region, math.inf)
        key = store.find_principals_key()
        if key is None:
            raise
        return read_password(key, password)


def registry_of_download(
    query: Mapping[str, str], repository_name: str, digest: Digest
) -> arns.Registry:
    """Return the registry of a URL that GetDownloadUrlForLayer made for one layer, by the query of the URL.

    Raises TokenExpired, and TokenError if the URL was not made for this layer.
    """
    return read_download_query(current_store().signing_key, query, repository_name, digest)
