"""Upstream registries, asked over HTTP as any client asks a registry.

OCI Distribution Specification 1.1, "Pull", and token authentication
(https://distribution.github.io/distribution/spec/auth/token/). The requests are urllib3's own, since moto takes over
what goes through `requests` or botocore.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url
from werkzeug.datastructures import WWWAuthenticate

from moto_ecr_ext.exceptions import (
    UpstreamAccessDenied,
    UpstreamError,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)
from moto_ecr_ext.oci.digest import Digest, is_digest
from moto_ecr_ext.oci.media_types import without_parameters
from moto_ecr_ext.oci.reference import Reference

# Seconds until a connection, and until the next bytes of an answer.
_PATIENCE = Timeout(connect=10, read=60)
# Blobs are often somewhere else. The Authorization header does not go there with a request.
_REDIRECTS = Retry(total=5, connect=0, read=0, status=0, other=0, redirect=5)
# Bytes that a manifest has at most (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html), and an
# answer with a token.
_MAX_DOCUMENT = 4 * 1024 * 1024
_DIGEST_HEADER = "Docker-Content-Digest"
# The most bytes of a blob at once.
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a registry, or its token service, is told by Basic authentication."""

    user_name: str
    password: str

    @property
    def authorization(self) -> str:
        encoded = base64.b64encode(f"{self.user_name}:{self.password}".encode())
        return f"Basic {encoded.decode()}"


@dataclass(frozen=True, slots=True)
class UpstreamManifest:
    """A manifest as an upstream gave it; its digest is that of its bytes."""

    content: bytes
    media_type: str | None
    digest: Digest


class UpstreamRegistry:
    """One registry at a URL, known by its `host` in what is told of it; without credentials, as anybody.

    User and password may also be in the URL. Proxies that the environment names are not used. All that asks raises
    UpstreamError: UpstreamAccessDenied, UpstreamTooManyRequests or UpstreamUnavailable.
    """

    def __init__(self, host: str, url: str, credentials: Credentials | None):
        self._host = host
        parsed = parse_url(url)
        self._url = parsed._replace(auth=None).url.rstrip("/")
        if credentials is None and parsed.auth is not None:
            user_name, _, password = parsed.auth.partition(":")
            credentials = Credentials(unquote(user_name), unquote(password))
        self._credentials = credentials
        self._pool = PoolManager(timeout=_PATIENCE)
        # What the registry is told, by what it is asked for.
        self._authorizations: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the connections."""
        self._pool.clear()

    def log_in(self) -> None:
        """Find out whether the registry is there and takes the credentials."""
        with self._get("/v2/", scope="") as response:
            if response.status != 200:
                raise self._unexpected(response)

    def manifest(
        self, name: str, reference: Reference, accepted: list[str]
    ) -> UpstreamManifest | None:
        """The manifest under a tag or digest, in one of the `accepted` media types; None where there is none."""
        path = f"/v2/{name}/manifests/{reference}"
        with self._get(path, _pull(name), Accept=", ".join(accepted)) as response:
            if response.status == 404:
                return None
            if response.status != 200:
                raise self._unexpected(response)
            content = self._document(response)
            media_type = without_parameters(response.headers.get("Content-Type", ""))
            asked = reference if isinstance(reference, Digest) else None
            claimed = asked or response.headers.get(_DIGEST_HEADER)
        if claimed is not None and not _has_digest(content, claimed):
            raise UpstreamUnavailable(
                f"The manifest {reference} of {name} that {self._host} gave does not have the digest {claimed}"
            )
        return UpstreamManifest(content, media_type or None, asked or Digest.of(content))

    def blob(self, name: str, digest: str) -> Iterator[bytes]:
        """The bytes of a blob, as they arrive; that they are those of the digest is left to who keeps them."""
        with self._get(f"/v2/{name}/blobs/{digest}", _pull(name)) as response:
            if response.status != 200:
                raise self._unexpected(response)
            yield from response.stream(_CHUNK, decode_content=False)

    @contextmanager
    def _get(self, path: str, scope: str, **headers: str) -> Iterator[Any]:
        """The answer to a GET, whatever its status, with credentials where they are asked for."""
        try:
            response = self._send(path, scope, headers)
            if response.status == 401:
                challenges = response.headers.getlist("WWW-Authenticate")
                response.drain_conn()
                self._authorizations[scope] = self._answer_to(challenges, scope)
                response = self._send(path, scope, headers)
            try:
                yield response
            finally:
                # Unread bytes are not worth waiting for.
                response.close()
        except (HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise UpstreamUnavailable(
                f"The upstream registry {self._host} cannot be reached: {reason}"
            ) from error

    def _send(self, path: str, scope: str, headers: dict[str, str]) -> Any:
        authorization = self._authorizations.get(scope)
        if authorization is not None:
            headers = {**headers, "Authorization": authorization}
        return self._request(self._url + path, headers)

    def _request(self, url: str, headers: dict[str, str]) -> Any:
        try:
            return self._pool.request(
                "GET", url, headers=headers, retries=_REDIRECTS, preload_content=False
            )
        except ValueError as error:  # A redirect to what is no URL.
            raise UpstreamUnavailable(
                f"The upstream registry {self._host} redirects to no URL: {error}"
            ) from error

    def _answer_to(self, challenges: list[str], scope: str) -> str:
        """The Authorization header that one of these WWW-Authenticate headers asks for."""
        by_type = {
            challenge.type: challenge
            for each in challenges
            if (challenge := WWWAuthenticate.from_header(each))
        }
        if "bearer" in by_type:
            return f"Bearer {self._token(by_type['bearer'], scope)}"
        if "basic" in by_type and self._credentials is not None:
            return self._credentials.authorization
        raise UpstreamAccessDenied(self._host)

    def _token(self, challenge: WWWAuthenticate, scope: str) -> str:
        """What the token service that a challenge names gives to the credentials, or to anybody."""
        try:
            realm = urlsplit(challenge.get("realm") or "")
        except ValueError:
            realm = urlsplit("")
        if not realm.netloc:
            raise UpstreamUnavailable(f"The upstream registry {self._host} names no token service")
        wanted = {"service": challenge.get("service"), "scope": challenge.get("scope") or scope}
        query = urlencode({name: value for name, value in wanted.items() if value})
        url = realm._replace(query="&".join(filter(None, [realm.query, query]))).geturl()
        headers = {}
        if self._credentials is not None:
            headers["Authorization"] = self._credentials.authorization
        response = self._request(url, headers)
        try:
            if response.status != 200:
                raise self._unexpected(response)
            answer = json.loads(self._document(response))
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, AttributeError, KeyError):
            raise UpstreamUnavailable(f"The token service of {self._host} gave no token") from None
        finally:
            response.close()

    def _document(self, response: Any) -> bytes:
        """All that an answer has."""
        content: bytes = response.read(_MAX_DOCUMENT + 1, decode_content=True)
        if len(content) > _MAX_DOCUMENT:
            raise UpstreamUnavailable(
                f"An answer of the upstream registry {self._host} has more than {_MAX_DOCUMENT} bytes"
            )
        return content

    def _unexpected(self, response: Any) -> UpstreamError:
        """The error for a status that is no answer."""
        if response.status in (401, 403):
            return UpstreamAccessDenied(self._host)
        if response.status == 429:
            return UpstreamTooManyRequests(self._host)
        return UpstreamUnavailable(
            f"The upstream registry {self._host} has answered with status {response.status}"
        )


def _pull(name: str) -> str:
    """The scope of a token for pulling from a repository."""
    return f"repository:{name}:pull"


def _has_digest(content: bytes, digest: str) -> bool:
    return is_digest(digest) and Digest.of(content, Digest(digest).algorithm) == digest
