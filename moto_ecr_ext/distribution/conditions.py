"""Conditional requests (RFC 9110, 13): they save transfers of known content, and protect changes by others."""

from __future__ import annotations

from collections.abc import Collection

from werkzeug.http import parse_etags

from moto_ecr_ext.oci.digest import Digest

from .errors import precondition_failed
from .messages import Request


def entity_tag(digest: Digest) -> str:
    """Return the ETag of content with this digest."""
    return f'"{digest}"'


def client_holds(request: Request, digest: Digest) -> bool:
    """Return True if a read needs no content, since the client holds this digest: the status is 304 then.

    Raises RegistryError, 412, if If-Match names only other content. That takes precedence (RFC 9110, 13.2.2).
    """
    _check_if_match(request, (digest,))
    given = request.headers.get("if-none-match")
    return given is not None and parse_etags(given).contains_weak(digest)


def check_before_change(request: Request, digests: Collection[str]) -> None:
    """Raise RegistryError, 412, if a write is meant for other content than the present one.

    `digests` are those of the present content in each form that it is served in; none if there is no content.
    `If-None-Match: *` only creates; an If-Match with a tag's known digest replaces no later push.
    """
    _check_if_match(request, digests)
    given = request.headers.get("if-none-match")
    if given is not None and any(map(parse_etags(given).contains_weak, digests)):
        raise precondition_failed("If-None-Match", given)


def _check_if_match(request: Request, digests: Collection[str]) -> None:
    given = request.headers.get("if-match")
    # The strong comparison (RFC 9110, 13.1.1).
    if given is not None and not any(map(parse_etags(given).contains, digests)):
        raise precondition_failed("If-Match", given)
