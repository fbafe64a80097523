"""The page in moto's own API: in its server, in the test process, and in its proxy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from moto_ecr_ext.seams.replacing import Unplug

_Answer = tuple[int, dict[str, str], str | bytes]

_ROOT = "/moto-api/ecr/"
_DASHBOARD = "{0}/moto-api/$"
_PATHS = tuple(
    "{0}" + _ROOT + path
    for path in (
        "$",
        "storage$",
        "search$",
        "requests$",
        "requests.json$",
        "registries$",
        "registries/(?P<page>.+)$",
        "static/(?P<file>.+)$",
    )
)

# A part of moto's navigation that occurs once. The link is inserted after it.
_HOME = 'href="/moto-api">Home</a>\n            </li>'
_LINK = (
    '\n            <li class="nav-item">\n'
    f'              <a class="nav-link" href="{_ROOT}">ECR</a>\n            </li>'
)


def plug() -> Unplug:
    """Add the page to the paths of moto's own API, which are in this dict, and link it from moto's dashboard."""
    from moto.moto_api._internal.urls import url_paths

    dashboard = url_paths[_DASHBOARD]
    url_paths[_DASHBOARD] = _linked(dashboard)
    url_paths.update(dict.fromkeys(_PATHS, _answer))

    def unplug() -> None:
        for path in _PATHS:
            del url_paths[path]
        url_paths[_DASHBOARD] = dashboard

    return unplug


def _answer(request: Any, full_url: str, headers: Any) -> _Answer:
    """Answer a request for the page. moto calls this."""
    # It imports Jinja.
    from moto_ecr_ext.models.lookup import existing_default_registry
    from moto_ecr_ext.page.app import answer
    from moto_ecr_ext.page.messages import PageRequest

    url = urlsplit(full_url)
    given = {str(name).lower(): str(value) for name, value in request.headers.items()}
    path = unquote(url.path, errors="surrogateescape")
    answered = answer(
        PageRequest(
            method=str(request.method),
            scheme=url.scheme,
            host=given.get("host") or url.netloc,
            # Flask routes a path without the slash here, too. People add one at the end.
            path=path.removeprefix(_ROOT.rstrip("/")).strip("/"),
            query=_parameters(url.query),
            form=_form(request),
            headers=given,
        ),
        existing_default_registry(),
    )
    body = answered.body if request.method != "HEAD" else ""
    return answered.status, answered.headers, body


def _form(request: Any) -> Mapping[str, str]:
    form = getattr(request, "form", None)
    if form is not None:
        found: Mapping[str, str] = form.to_dict()
        return found
    # A prepared request of `requests`, from earlier versions of moto in the process.
    body = request.body or ""
    return _parameters(body if isinstance(body, str) else body.decode("utf-8", "replace"))


def _parameters(text: str) -> dict[str, str]:
    """Return the parameters of a query or a form. The first of several with one name counts."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return {}
    return dict(reversed(pairs))


def _linked(dashboard: Callable[..., Any]) -> Callable[..., Any]:
    """Return moto's dashboard with a link to the page."""

    def linked_dashboard(request: Any, full_url: str, headers: Any) -> Any:
        page = dashboard(request, full_url, headers)
        return page.replace(_HOME, _HOME + _LINK, 1) if isinstance(page, str) else page

    return linked_dashboard
