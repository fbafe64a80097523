"""The endpoints: method, template, handler, and the required IAM action.

OCI Distribution Specification 1.1, "Endpoints"; actions are those that CloudTrail shows for ECR
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/logging-using-cloudtrail.html).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import (
    blobs,
    catalog,
    manifests,
    referrers,
    tags,
    uploads,
)
from .errors import UnknownPath, method_not_allowed, name_invalid
from .messages import Response
from .references import read_digest

# Repository names: OCI Distribution Specification 1.1, "Pulling manifests", in the form of ECR's model.
_NAME = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*")
_NAME_LENGTHS = range(2, 257)


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint. The handler receives the placeholders of the template by name.

    `writes` is true for parts of a push, `allows_signed_urls` if a URL of GetDownloadUrlForLayer gives access. Events
    follow a route that `sends_events`, and services of moto take part in it: only the process that is moto serves it.
    """

    method: str
    template: str
    handler: Callable[..., Response]
    action: str
    writes: bool = False
    allows_signed_urls: bool = False
    sends_events: bool = False

    @property
    def label(self) -> str:
        """The name in metrics."""
        return f"{self.method} {self.template}"

    @property
    def operation(self) -> str:
        """The operation of the API with the same action."""
        return self.action.removeprefix("ecr:")


ROUTES = (
    Route("GET", "/v2/", catalog.ping, "ecr:GetAuthorizationToken"),
    Route("GET", "/v2/_catalog", catalog.list_repositories, "ecr:DescribeRepositories"),
    Route("GET", "/v2/<name>/tags/list", tags.list_tags, "ecr:ListImages"),
    Route("GET", "/v2/<name>/referrers/<digest>", referrers.list_referrers, "ecr:BatchGetImage"),
    Route("GET", "/v2/<name>/manifests/<reference>", manifests.get, "ecr:BatchGetImage"),
    Route(
        "PUT",
        "/v2/<name>/manifests/<reference>",
        manifests.put,
        "ecr:PutImage",
        writes=True,
        sends_events=True,
    ),
    Route(
        "DELETE",
        "/v2/<name>/manifests/<reference>",
        manifests.delete,
        "ecr:BatchDeleteImage",
        sends_events=True,
    ),
    Route(
        "POST",
        "/v2/<name>/blobs/uploads/",
        uploads.start,
        "ecr:InitiateLayerUpload",
        writes=True,
    ),
    Route("GET", "/v2/<name>/blobs/uploads/<session>", uploads.status, "ecr:UploadLayerPart"),
    Route("PATCH", "/v2/<name>/blobs/uploads/<session>", uploads.append, "ecr:UploadLayerPart"),
    Route("PUT", "/v2/<name>/blobs/uploads/<session>", uploads.commit, "ecr:CompleteLayerUpload"),
    Route("DELETE", "/v2/<name>/blobs/uploads/<session>", uploads.cancel, "ecr:UploadLayerPart"),
    Route(
        "HEAD",
        "/v2/<name>/blobs/<digest>",
        blobs.head,
        "ecr:BatchCheckLayerAvailability",
        allows_signed_urls=True,
    ),
    Route(
        "GET",
        "/v2/<name>/blobs/<digest>",
        blobs.get,
        "ecr:GetDownloadUrlForLayer",
        allows_signed_urls=True,
    ),
    Route(
        "DELETE",
        "/v2/<name>/blobs/<digest>",
        blobs.delete,
        "ecr:BatchDeleteImage",
        sends_events=True,
    ),
)


def _pattern(template: str) -> re.Pattern[str]:
    path = re.sub(
        r"<(\w+)>",
        lambda each: f"(?P<{each[1]}>{'.+' if each[1] == 'name' else '[^/]+'})",
        template,
    )
    return re.compile(path + "?" if path.endswith("/") else path)


def _constant_part(template: str) -> str:
    """Return the longest text that is in every path of a template."""
    return max(re.split(r"<\w+>", template.removesuffix("/")), key=len)


# The methods of each template, in the order of the table. A path without the constant part is rejected in a
# twentieth of the time that the pattern needs.
_BY_PATH: list[tuple[str, re.Pattern[str], dict[str, Route]]] = [
    (
        _constant_part(template),
        _pattern(template),
        {route.method: route for route in ROUTES if route.template == template},
    )
    for template in dict.fromkeys(route.template for route in ROUTES)
]


def find_route(method: str, path: str) -> tuple[Route, dict[str, Any]]:
    """Return the endpoint of a request, and the values of its placeholders. A HEAD has the route of its GET.

    Raises UnknownPath, and RegistryError: 405 for a method that the path does not have, 400 for a malformed
    name or digest.
    """
    for constant, pattern, routes in _BY_PATH:
        match = pattern.fullmatch(path) if constant in path else None
        if match is None:
            continue
        route = routes.get(method) or (routes.get("GET") if method == "HEAD" else None)
        if route is None:
            raise method_not_allowed(method, list(routes))
        placeholders: dict[str, Any] = match.groupdict()
        name, digest = placeholders.get("name"), placeholders.get("digest")
        if name is not None and not (len(name) in _NAME_LENGTHS and _NAME.fullmatch(name)):
            raise name_invalid(name)
        if digest is not None:
            placeholders["digest"] = read_digest(digest)
        return route, placeholders
    raise UnknownPath(path)
