"""The gate of a server: it admits web pages by their origin, and clients by their name for the server.

A page of any site may send requests to a server on the same machine, and read the answers if its host name resolves to
that machine ("DNS rebinding"). It could make the server empty its data directory, and read passwords.

https://fetch.spec.whatwg.org/#origin-header, https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable, Mapping
from functools import lru_cache

from moto_ecr_ext.distribution.errors import RegistryError
from moto_ecr_ext.distribution.host import check_host
from moto_ecr_ext.distribution.messages import Response
from moto_ecr_ext.hosts import is_in_aws_domain

# Names by which containers reach the loopback addresses of their host.
_OF_THIS_MACHINE = ("localhost", "host.docker.internal", "host.containers.internal")

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    "Authorization, Content-Type, Content-Range, Range, Accept, If-Match, If-None-Match"
)
_ANSWER_HEADERS = (
    "Content-Range, Docker-Content-Digest, Docker-Upload-UUID, ETag, Link, Location, OCI-Filters-Applied, OCI-Subject, "
    "OCI-Tag, Range, WWW-Authenticate"
)


class Gate:
    """The requests that a server admits.

    `origins` are those of web pages beside the server's own; `*` admits all. `names` are hosts beside those that always
    mean this machine or AWS; `*.example.com` admits the names below it, `*` all. None means that other machines can
    reach the server, so that it does not check names.
    """

    def __init__(self, origins: Iterable[str], names: Iterable[str] | None):
        self.origins = frozenset(origins)
        known = None if names is None else frozenset(names)
        self.names = None if known and "*" in known else known
        self._is_known = lru_cache(maxsize=256)(self._find_name)

    def check(self, method: str, host: str, headers: Mapping[str, str]) -> None:
        """Raise RegistryError for a request that is not admitted. Header names are in lower case."""
        self.check_name(host)
        if "origin" in headers or "sec-fetch-site" in headers:
            self.check_page(method, host, headers)

    def check_name(self, host: str) -> None:
        """Raise RegistryError if `host`, with or without a port, is not a name of the server.

        An empty host is not one.
        """
        if self.names is not None and host and not self._is_known(host):
            check_host(host)
            raise RegistryError(
                "DENIED",
                f"{host} is not a name of this server. Name it with --allowed-hosts if it is.",
                403,
            )

    def check_page(self, method: str, host: str, headers: Mapping[str, str]) -> None:
        """Raise RegistryError for a request by the page of another site.

        Pages of other ports of the same host are of the same site; only if they name their origin, it must be allowed.
        """
        origin = headers.get("origin")
        own_sites = ("same-origin", "same-site", "none")
        if is_foreign(method, host, headers, own_sites) and not self.allows(origin or "*"):
            raise RegistryError(
                "DENIED",
                f"Web pages of {origin or 'other sites'} may not use this server. "
                "Name their origin with --allowed-origins if they may.",
                403,
            )

    def allows(self, origin: str) -> bool:
        """Return True if pages of another origin may use the server."""
        return origin.lower() in self.origins or "*" in self.origins

    def preflight(self, method: str, headers: Mapping[str, str]) -> Response | None:
        """Return the answer to a browser's preflight request, or None for other requests.

        https://fetch.spec.whatwg.org/#cors-preflight-fetch
        """
        if method != "OPTIONS" or not {"origin", "access-control-request-method"} <= headers.keys():
            return None
        if not self.allows(headers["origin"]):
            return None
        return Response(
            204,
            {
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": "600",
            },
        )

    def show(self, response: Response, origin: str) -> None:
        """Let the pages of an origin read an answer, if they may use the server."""
        if self.allows(origin):
            response.headers |= {
                "Access-Control-Allow-Origin": origin,
                "Access-Control-Expose-Headers": _ANSWER_HEADERS,
                "Vary": "Origin",
            }

    def _find_name(self, host: str) -> bool:
        name = _name_of(host)
        if name is None:
            return False
        assert self.names is not None
        return (
            name in _OF_THIS_MACHINE
            or name.endswith(".localhost")
            or _is_address(name)
            or is_in_aws_domain(name)
            or name in self.names
            or any(each.startswith("*.") and name.endswith(each[1:]) for each in self.names)
        )


def is_foreign(
    method: str,
    host: str,
    headers: Mapping[str, str],
    own_sites: Container[str] = ("same-origin", "none"),
) -> bool:
    """Return True if a request is by a page that is not the server's own, as browsers say. Names are in lower case.

    `own_sites` are the values of Sec-Fetch-Site that are not foreign. A followed link is not foreign either: its target
    is shown to the user, not to the page.
    """
    origin = headers.get("origin")
    if origin is not None and not _is_own(origin, host):
        return True
    is_link = (
        method in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )
    # Another scheme is another site: the origin alone would admit the plain page of a host whose server uses TLS.
    return headers.get("sec-fetch-site", "none") not in own_sites and not is_link


def _is_own(origin: str, host: str) -> bool:
    """Return True if an origin names the server's own host. A proxy in front of it may use another scheme."""
    scheme, _, authority = origin.lower().partition("://")
    return scheme in ("http", "https") and authority == host.lower() != ""


def _name_of(host: str) -> str | None:
    """Return the name in `host[:port]`, in lower case and without a final dot, or None if it is malformed."""
    try:
        check_host(host)
    except RegistryError:
        return None
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.lower().partition(":")[0].removesuffix(".")


def _is_address(name: str) -> bool:
    """Return True if a name is an IP address, which cannot resolve to another one."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
