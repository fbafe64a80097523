"""The templates of the page. All values are escaped."""

from __future__ import annotations

import hashlib
import json
import mimetypes
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from moto_ecr_ext import faults
from moto_ecr_ext._version import __version__

from . import artifacts, contents, formats
from .messages import ROOT, Answer, PageError, PageRequest, path_of

_STATIC = ("page.css", "page.js", "icon.svg")
# A browser may keep a file whose name changes with its content.
_KEPT = "public, max-age=31536000, immutable"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__, "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": formats.time_ago,
        "count": formats.count,
        "exact": formats.exact_time,
        "json": json.dumps,
        "path": path_of,
        "short": formats.short_digest,
        "size": formats.size,
        "type": formats.short_type,
    }
    environment.globals |= {
        "kind_of_tag": artifacts.kind_of_tag,
        "kind_of_type": artifacts.kind_of_type,
        "link": lambda *parts: ROOT + path_of(*parts),
        "plural": formats.plural,
        "pretty": contents.pretty,
        "root": ROOT,
        "static": _name_of_static,
        "version": __version__,
        "web_address": formats.web_address,
    }
    return environment


def render(
    request: PageRequest, template: str, token: str, status: int = 200, **values: Any
) -> Answer:
    """Return the page that a template renders from values."""
    text = (
        _environment()
        .get_template(template)
        .render(request=request, token=token, faults=tuple(faults.active), **values)
    )
    # A text in JSON may have half of a character, which cannot be sent.
    body = text.encode("utf-8", "replace")
    return Answer.of(status, "text/html; charset=utf-8", body.decode())


@cache
def _content(name: str) -> bytes:
    return (files(__package__) / "static" / name).read_bytes()


@cache
def _name_of_static(name: str) -> str:
    """Return the path of a style sheet, a script or a picture, which changes with its content."""
    return f"{ROOT}static/{name}?{hashlib.sha256(_content(name)).hexdigest()[:12]}"


def static(name: str) -> Answer:
    """Return a style sheet, a script or a picture. Raises PageError for any other name."""
    if name not in _STATIC:
        raise PageError(404, "There is no such file.")
    content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return Answer.of(200, f"{content_type}; charset=utf-8", _content(name), Cache_Control=_KEPT)
