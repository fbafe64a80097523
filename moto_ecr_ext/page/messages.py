"""Requests for the page, and its answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

ROOT = "/moto-api/ecr/"
"""The root of the page's paths."""

# Scripts and styles are files of the page alone, so that markup in a tag's name cannot run.
# https://www.w3.org/TR/CSP3/
_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # With `no-referrer`, a form of the page would have the origin `null`.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class PageRequest:
    """A request for the page. `path` is the part below `ROOT`; names of headers are in lower case."""

    method: str
    scheme: str
    host: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The scheme and host that the client has used."""
        return f"{self.scheme}://{self.host}"


@dataclass(frozen=True)
class Answer:
    """An answer, with all of its headers."""

    status: int
    headers: dict[str, str]
    body: str | bytes

    @classmethod
    def of(cls, status: int, content_type: str, body: str | bytes, **headers: str) -> Answer:
        """Return an answer that caches do not keep, unless `headers` say otherwise."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return cls(
            status,
            {**_HEADERS, "Content-Type": content_type, "Cache-Control": "no-store", **named},
            body,
        )

    @classmethod
    def of_json(cls, document: object) -> Answer:
        """Return an answer with a JSON document."""
        return cls.of(200, "application/json", json.dumps(document))

    @classmethod
    def redirection(cls, path: str) -> Answer:
        """Return a redirection to a path below `ROOT`, for a GET."""
        return cls.of(303, "text/plain; charset=utf-8", "", Location=ROOT + path)


class PageError(Exception):
    """A request that the page refuses, with its status and a sentence for its user."""

    def __init__(self, status: int, message: str, **headers: str):
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers


def path_of(*parts: str) -> str:
    """Return the path below `ROOT` of these parts, which may contain slashes, without `ROOT`."""
    return "/".join(quote(part, safe="/:@+~") for part in parts)
