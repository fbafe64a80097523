"""Credentials that are signed with the store's key: passwords for a registry, and URLs that download one layer.

Both contain their facts in plain text and an HMAC over them. So nothing is stored for them, and they stay valid when
the server is restarted with the same data. A password is short, since people paste it into terminals.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote, urlencode

from moto_ecr_ext import arns, hosts

# Seconds. https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
TOKEN_LIFETIME = 12 * 60 * 60
DOWNLOAD_LIFETIME = 60 * 60

# RFC 2104, section 5: an HMAC may be truncated to half of the hash.
_SIGNATURE_BYTES = 16
_DIGITS = string.digits + string.ascii_lowercase
# Characters of ARNs without a meaning in a shell. A colon is not among them: some clients, such as the AWS CDK, split a
# token at every colon and use the second part as the password.
_PLAIN = "/@+=,"
# The service in the ARN of a principal of this kind.
_SERVICES = {"user": "iam", "role": "iam", "assumed-role": "sts", "federated-user": "sts"}


class TokenError(Exception):
    """The error for a text that is not a token of this store."""


class TokenExpired(TokenError):
    """The error for a token of this store that has expired."""


@dataclass(frozen=True, slots=True)
class RegistryToken:
    """The facts in a password: its registry, its expiry (seconds since the epoch), and its principal.

    Without a `principal`, it belongs to the registry's account as a whole.
    """

    account_id: str
    region: str
    expires_at: float
    principal: str | None = None


def issue_password(key: bytes, token: RegistryToken) -> str:
    """Return a password of user AWS for `token`: its facts and their signature, separated by dots.

    The ARN of a principal of the registry's own account is reduced to its last part, such as `user/bob`.
    """
    facts = [token.account_id, token.region, _in_base_36(round(token.expires_at * 1000))]
    if token.principal is not None:
        resource = token.principal.rpartition(":")[2]
        is_own = _arn_of(resource, token.account_id, token.region) == token.principal
        facts.append(resource if is_own else token.principal)
    said = ".".join(quote(fact, safe=_PLAIN).replace(".", "%2E") for fact in facts)
    return f"{said}.{_signature(key, 'password', said)}"


def _arn_of(principal: str, account_id: str, region: str) -> str:
    """Return the ARN of a principal from its last part, if it is in this account; an ARN is unchanged."""
    service = _SERVICES.get(principal.partition("/")[0])
    if service is None:
        return principal
    return f"arn:{arns.partition_of(region)}:{service}::{account_id}:{principal}"


def _in_base_36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"


def read_password(key: bytes, password: str) -> RegistryToken:
    """Return the token in a password. Raises TokenExpired, and TokenError if it was not issued with `key`."""
    token = _verified(key, password)
    if token is None:
        raise TokenError("the password was not issued by this registry")
    if token.expires_at <= time.time():
        raise TokenExpired("the password has expired")
    return token


# Clients send their password with every request.
@lru_cache(maxsize=256)
def _verified(key: bytes, password: str) -> RegistryToken | None:
    said, _, signature = password.rpartition(".")
    if not _matches(signature, _signature(key, "password", said)):
        return None
    account_id, region, expires, *principal = map(unquote, said.split("."))
    arn = _arn_of(principal[0], account_id, region) if principal else None
    return RegistryToken(account_id, region, int(expires, 36) / 1000, arn)


def download_url(key: bytes, registry: arns.Registry, repository_name: str, digest: str) -> str:
    """Return a URL from which anyone can download this layer of this repository, for an hour.

    Its path is that of the blob in the registry protocol.
    """
    expires = str(int(time.time()) + DOWNLOAD_LIFETIME)
    query = {
        "X-Ecr-Registry": registry.account_id,
        "X-Ecr-Region": registry.region,
        "X-Ecr-Expires": expires,
    }
    query["X-Ecr-Signature"] = _download_signature(key, query, repository_name, digest)
    base = hosts.download_base(registry.account_id, registry.region)
    return f"{base}/v2/{repository_name}/blobs/{quote(digest, safe=':')}?{urlencode(query)}"


def read_download_query(
    key: bytes, query: Mapping[str, str], repository_name: str, digest: str
) -> arns.Registry:
    """Return the registry in a query of `download_url` for this layer.

    Raises TokenExpired, and TokenError if the query was not made for this layer with `key`.
    """
    expected = _download_signature(key, query, repository_name, digest)
    if not _matches(query.get("X-Ecr-Signature", ""), expected):
        raise TokenError("the URL was not signed by this registry for this layer")
    if int(query["X-Ecr-Expires"]) <= time.time():
        raise TokenExpired("the URL has expired")
    return arns.Registry(query["X-Ecr-Registry"], query["X-Ecr-Region"])


def is_download_query(query: Mapping[str, str]) -> bool:
    """Return True if a request has the query of `download_url` in place of a password."""
    return "X-Ecr-Signature" in query


def _download_signature(
    key: bytes, query: Mapping[str, str], repository_name: str, digest: str
) -> str:
    facts = [
        query.get("X-Ecr-Registry"),
        query.get("X-Ecr-Region"),
        query.get("X-Ecr-Expires"),
        repository_name,
        digest,
    ]
    return _signature(key, "download", json.dumps(facts))


def _signature(key: bytes, purpose: str, text: str) -> str:
    digest = hmac.digest(key, f"{purpose}\n{text}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest[:_SIGNATURE_BYTES]).decode().rstrip("=")


def _matches(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode(), expected.encode())
