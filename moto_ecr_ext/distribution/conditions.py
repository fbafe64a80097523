"""Conditional requests (RFC 9110, 13): what a client holds is not sent again, and what has changed is left alone."""

from __future__ import annotations

from werkzeug.http import parse_etags

from moto_ecr_ext.oci.digest import Digest

from .errors import precondition_failed
from .messages import Request


def entity_tag(digest: Digest) -> str:
    """Return the ETag of content with this digest. Other content has another one."""
    return f'"{digest}"'


def client_holds(request: Request, digest: Digest) -> bool:
    """Return whether a request to read need not be answered with the content, of this digest: 304 then.

    Raises RegistryError, 412, if If-Match names only other content. That comes first (RFC 9110, 13.2.2).
    """
    _check_if_match(request, digest)
    given = request.headers.get("if-none-match")
    return given is not None and parse_etags(given).contains_weak(digest)


def check_before_change(request: Request, digest: str | None) -> None:
    """Raise RegistryError, 412, if a request to write is not meant for what there is now.

    `digest` is that of the content, None if there is none. `If-None-Match: *` creates only; an If-Match with the digest
    that a tag had replaces nothing that somebody else has pushed since.
    """
    _check_if_match(request, digest)
    given = request.headers.get("if-none-match")
    if given is not None and digest is not None and parse_etags(given).contains_weak(digest):
        raise precondition_failed("If-None-Match", given)


def _check_if_match(request: Request, digest: str | None) -> None:
    given = request.headers.get("if-match")
    # By the strong comparison (RFC 9110, 13.1.1).
    if given is not None and (digest is None or digest not in parse_etags(given)):
        raise precondition_failed("If-Match", given)
