"""Conditional requests (RFC 9110, 13): what a client holds already is not sent again."""

from __future__ import annotations

from werkzeug.http import parse_etags

from .messages import Request


def entity_tag(digest: str) -> str:
    """The ETag of content with this digest: other content has another one."""
    return f'"{digest}"'


def client_holds(request: Request, digest: str) -> bool:
    """Whether If-None-Match names the content that would be sent, so that 304 is the answer."""
    given = request.headers.get("if-none-match")
    return given is not None and parse_etags(given).contains_weak(digest)
