"""The page as an application: check the origin, match a route, call the view, render errors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.caller import calling
from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.models.failures import reporting_failures_of_storage

from . import actions, guard, images, live, registries, repositories, templates
from .context import Context, context_of
from .messages import Answer, PageError, PageRequest

# Names of ECR's errors for missing things.
_NOT_FOUND = re.compile("NotFound|DoesNotExist")

_REGISTRY = r"registries/(?P<account>[0-9]{1,20})/(?P<region>[a-z0-9-]{1,40})"
# No part of the name of a repository is a hyphen.
_REPOSITORY = rf"{_REGISTRY}/repositories/(?P<name>.+?)"

View = Callable[..., Answer]


@dataclass(frozen=True)
class PageRoute:
    """A path below the page's, and the view that answers it by each method."""

    path: re.Pattern[str]
    get: View | None = None
    post: View | None = None


def _route(path: str, get: View | None = None, post: View | None = None) -> PageRoute:
    return PageRoute(re.compile(path, re.DOTALL), get, post)


# The first one that matches counts.
_ROUTES = (
    _route("", registries.begin),
    _route("registries", registries.show_registries),
    _route("storage", registries.show_storage),
    _route("search", registries.show_results),
    _route("requests", live.show_requests),
    _route(r"requests\.json", live.list_requests),
    _route(_REGISTRY, repositories.show_repositories),
    _route(f"{_REGISTRY}/login", post=actions.log_in),
    _route(rf"{_REPOSITORY}/-/lifecycle", repositories.show_lifecycle, actions.run_lifecycle),
    _route(rf"{_REPOSITORY}/-/tags/(?P<tag>[^/]+)", images.show_tag),
    _route(rf"{_REPOSITORY}/-/tags/(?P<tag>[^/]+)/delete", post=actions.delete_tag),
    _route(rf"{_REPOSITORY}/-/layers/(?P<digest>[^/]+)", images.show_layer),
    _route(rf"{_REPOSITORY}/-/images/(?P<digest>.+)/scan", post=actions.start_scan),
    _route(rf"{_REPOSITORY}/-/images/(?P<digest>.+)", images.show_image),
    _route(_REPOSITORY, repositories.show_repository),
)
_STATIC = re.compile("static/([a-z.]+)")

# Characters that no name has, and that a database may refuse.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def answer(request: PageRequest, default: Registry) -> Answer:
    """Return the answer to a request. `default` is the registry of pages that belong to none."""
    try:
        guard.check_origin(request)
        file = _STATIC.fullmatch(request.path)
        if file and request.method in ("GET", "HEAD"):
            return templates.static(file[1])
        return _handle(request, default)
    except PageError as error:
        return _render_error(request, error.status, error.message, error.headers, default)
    except ECRError as error:
        status = 404 if _NOT_FOUND.search(error.code) else error.status
        return _render_error(request, status, error.message, {}, default)


def _handle(request: PageRequest, default: Registry) -> Answer:
    texts = [request.path, *request.query.values(), *request.form.values()]
    if any(map(_CONTROLS.search, texts)):
        raise PageError(400, "The request has a control character in it.")
    view, found = _find_view(request)
    context = context_of(
        request, found.pop("account", default.account_id), found.pop("region", default.region)
    )
    if request.method == "POST":
        guard.check_token(request, context.secret)
    with (
        calling(context.caller),
        reporting_failures_of_storage(f"{request.method} {request.path}"),
    ):
        return view(context, **found)


def _find_view(request: PageRequest) -> tuple[View, dict[str, Any]]:
    """Return the view of a path, and its named parts. Raises PageError if there is no such view."""
    for route in _ROUTES:
        found = route.path.fullmatch(request.path)
        if found is None:
            continue
        views = {"GET": route.get, "HEAD": route.get, "POST": route.post}
        view = views.get(request.method)
        if view is None:
            allowed = ", ".join(method for method, each in views.items() if each)
            raise PageError(405, f"This page accepts {allowed} only.", Allow=allowed)
        return view, found.groupdict()
    raise PageError(404, "There is no such page.")


def _render_error(
    request: PageRequest, status: int, message: str, headers: dict[str, str], default: Registry
) -> Answer:
    context = context_of(request, default.account_id, default.region)
    # Only the message of a refused request is repeated.
    bare = Context(PageRequest("GET", request.scheme, request.host, ""), context.backend)
    answer = bare.render("error.html", status, code=status, message=message)
    answer.headers.update(headers)
    return answer
