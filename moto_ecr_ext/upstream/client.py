"""An HTTP client for upstream registries.

OCI Distribution Specification 1.1, "Pull", and token authentication
(https://distribution.github.io/distribution/spec/auth/token/). The requests use urllib3, since moto intercepts those of
`requests` and botocore.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlencode, urljoin, urlsplit, urlunsplit

from requests.utils import parse_header_links
from urllib3 import PoolManager, Retry, Timeout
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url
from werkzeug.datastructures import WWWAuthenticate

from moto_ecr_ext.exceptions.pull_through import (
    UpstreamAccessDenied,
    UpstreamError,
    UpstreamTooManyRequests,
    UpstreamUnavailable,
)
from moto_ecr_ext.oci.archives import ArchiveError, TooLarge, gunzip
from moto_ecr_ext.oci.digest import Digest, is_digest
from moto_ecr_ext.oci.media_types import OCI_INDEX, without_parameters
from moto_ecr_ext.oci.reference import Reference, Tag

# Seconds to wait for a connection, and for the next bytes of a response.
_TIMEOUT = Timeout(connect=10, read=60)
# Registries often redirect to blobs. urllib3 does not send the Authorization header to another host.
_REDIRECTS = Retry(total=5, connect=0, read=0, status=0, other=0, redirect=5)
# The limit of a manifest (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html), and of a
# response with a token, in bytes.
_MAX_DOCUMENT = 4 * 1024 * 1024
_DIGEST_HEADER = "Docker-Content-Digest"
# The greatest number of pages of a list.
_MOST_PAGES = 100
# The greatest size of a chunk of a blob, in bytes.
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and password for a registry or its token service."""

    user_name: str
    password: str

    @property
    def authorization(self) -> str:
        """The Authorization header of Basic authentication."""
        encoded = base64.b64encode(f"{self.user_name}:{self.password}".encode())
        return f"Basic {encoded.decode()}"


@dataclass(frozen=True, slots=True)
class UpstreamManifest:
    """A manifest from an upstream, with the digest of its bytes."""

    content: bytes
    media_type: str | None
    digest: Digest


class UpstreamRegistry:
    """One registry, at a URL that may contain the credentials. Without credentials, the client is anonymous.

    `host` names the registry in errors. Proxies of the environment are not used. Every request may raise UpstreamError:
    UpstreamAccessDenied, UpstreamTooManyRequests or UpstreamUnavailable.
    """

    def __init__(self, host: str, url: str, credentials: Credentials | None):
        self._host = host
        parsed = parse_url(url)
        self._url = parsed._replace(auth=None).url.rstrip("/")
        if credentials is None and parsed.auth is not None:
            user_name, _, password = parsed.auth.partition(":")
            credentials = Credentials(unquote(user_name), unquote(password))
        self._credentials = credentials
        self._pool = PoolManager(timeout=_TIMEOUT)
        # Authorization headers by their scope.
        self._authorizations: dict[str, str] = {}

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def log_in(self) -> None:
        """Check that the registry can be reached and accepts the credentials."""
        with self._get("/v2/", scope="") as response:
            if response.status != 200:
                raise self._unexpected(response)

    def manifest(
        self, name: str, reference: Reference, accepted: list[str]
    ) -> UpstreamManifest | None:
        """Return the manifest of a tag or digest, in one of the `accepted` media types; None if it is missing."""
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
                f"The manifest {reference} of {name} from {self._host} does not have the digest {claimed}"
            )
        return UpstreamManifest(content, media_type or None, asked or Digest.of(content))

    def referrers(self, name: str, subject: Digest) -> list[Digest]:
        """Return the digests of the manifests that have a subject.

        A registry without the referrers API lists them in an index with a special tag (OCI Distribution 1.1, "Referrers
        Tag Schema").
        """
        found: list[Digest] = []
        path: str | None = f"/v2/{name}/referrers/{subject}"
        for number in range(_MOST_PAGES):
            if path is None:
                return list(dict.fromkeys(found))
            with self._get(path, _pull(name), Accept=OCI_INDEX) as response:
                if response.status == 404 and number == 0:
                    tag = Tag(f"{subject.algorithm}-{subject.encoded}")
                    index = self.manifest(name, tag, [OCI_INDEX])
                    return self._listed(index.content) if index is not None else []
                if response.status != 200:
                    raise self._unexpected(response)
                found += self._listed(self._document(response))
                path = self._next_path(path, response.headers.get("Link", ""))
        raise UpstreamUnavailable(f"The referrers of {subject} in {self._host} have no last page")

    def _listed(self, content: bytes) -> list[Digest]:
        """Return the digests that an index lists."""
        try:
            digests = [each["digest"] for each in json.loads(content)["manifests"]]
            return [Digest(each) for each in digests if is_digest(each)]
        except (ValueError, TypeError, KeyError):
            raise UpstreamUnavailable(
                f"The upstream registry {self._host} returned a list of referrers that is not an index"
            ) from None

    def _next_path(self, path: str, link: str) -> str | None:
        """Return the path and query of the next page in a Link header (RFC 8288); None on the last page."""
        for each in parse_header_links(link):
            if each.get("rel") == "next":
                try:
                    url = urlsplit(urljoin(path, each["url"]))
                except ValueError:
                    raise UpstreamUnavailable(
                        f"The upstream registry {self._host} returned a malformed URL"
                    ) from None
                return urlunsplit(("", "", url.path, url.query, ""))
        return None

    def blob(self, name: str, digest: str, size: int) -> Iterator[bytes]:
        """Yield the bytes of a blob as they arrive. The caller must check the digest.

        Raises UpstreamUnavailable, and stops reading, if there are more than `size` bytes.
        """
        with self._get(f"/v2/{name}/blobs/{digest}", _pull(name)) as response:
            if response.status != 200:
                raise self._unexpected(response)
            # This is the length in the response, if it has one.
            if (response.length_remaining or 0) > size:
                raise self._too_large(digest, size)
            received = 0
            for piece in response.stream(_CHUNK, decode_content=False):
                received += len(piece)
                if received > size:
                    raise self._too_large(digest, size)
                yield piece

    @contextmanager
    def _get(self, path: str, scope: str, **headers: str) -> Iterator[Any]:
        """Send a GET, with credentials if the registry asks for them, and open the response, whatever its status."""
        try:
            response = self._send(path, scope, headers)
            if response.status == 401:
                challenges = response.headers.getlist("WWW-Authenticate")
                self._leave(response)
                self._authorizations[scope] = self._authorization(challenges, scope)
                response = self._send(path, scope, headers)
            try:
                yield response
            finally:
                # Reading the rest would take too long.
                response.close()
        except (HTTPError, OSError) as error:
            reason = getattr(error, "reason", None) or error
            raise UpstreamUnavailable(
                f"The upstream registry {self._host} cannot be reached: {reason}"
            ) from error

    def _leave(self, response: Any) -> None:
        """Close a response. Its connection is reused if the rest of the body is short."""
        response.read(_CHUNK, decode_content=False)
        if response.length_remaining != 0:
            response.close()

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
        except ValueError as error:  # The location of a redirect is not a URL.
            raise UpstreamUnavailable(
                f"The upstream registry {self._host} redirects to a malformed URL: {error}"
            ) from error

    def _authorization(self, challenges: list[str], scope: str) -> str:
        """Return the Authorization header that one of these WWW-Authenticate headers asks for."""
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
        """Return a token of the service in a challenge, for the credentials or anonymously."""
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
            raise UpstreamUnavailable(
                f"The token service of {self._host} returned no token"
            ) from None
        finally:
            response.close()

    def _document(self, response: Any) -> bytes:
        """Return the whole body of a response. Raises UpstreamUnavailable if it is too large or not readable.

        It may be gzipped, although that is not asked for. urllib3 1.26 would unzip it without a limit.
        """
        content: bytes = response.read(_MAX_DOCUMENT + 1, decode_content=False)
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding in ("gzip", "x-gzip"):  # RFC 9110, 8.4.1.3: they are the same.
            content = self._unzipped(content)
        elif coding != "identity":
            raise UpstreamUnavailable(
                f"A response of the upstream registry {self._host} has the unexpected Content-Encoding {coding[:100]!a}"
            )
        if len(content) > _MAX_DOCUMENT:
            raise self._too_long()
        return content

    def _too_long(self) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            f"A response of the upstream registry {self._host} has more than {_MAX_DOCUMENT} bytes"
        )

    def _unzipped(self, body: bytes) -> bytes:
        try:
            return gunzip(body, _MAX_DOCUMENT)
        except TooLarge:
            raise self._too_long() from None
        except ArchiveError:
            raise UpstreamUnavailable(
                f"A response of the upstream registry {self._host} is not valid gzip"
            ) from None

    def _too_large(self, digest: str, size: int) -> UpstreamUnavailable:
        return UpstreamUnavailable(
            f"The layer {digest} from {self._host} has more than the {size} bytes of its descriptor."
        )

    def _unexpected(self, response: Any) -> UpstreamError:
        """Return the error for the status of a failed request."""
        # ECR refuses a password that is not its own with 400.
        refusals = (401, 403) if self._credentials is None else (400, 401, 403)
        if response.status in refusals:
            return UpstreamAccessDenied(self._host)
        if response.status == 429:
            return UpstreamTooManyRequests(self._host)
        return UpstreamUnavailable(
            f"The upstream registry {self._host} responded with status {response.status}"
        )


def _pull(name: str) -> str:
    """Return the scope of a token for pulling from a repository."""
    return f"repository:{name}:pull"


def _has_digest(content: bytes, digest: str) -> bool:
    return is_digest(digest) and Digest.of(content, Digest(digest).algorithm) == digest
