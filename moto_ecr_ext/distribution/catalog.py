"""The registry itself: the check of the API's version, and the list of repositories."""

from __future__ import annotations

from .authentication import Access
from .messages import Request, Response
from .pages import page_of


def ping(request: Request, access: Access) -> Response:
    """Answer the version check of `docker login`: OCI Distribution Specification 1.1, "Determining Support"."""
    return Response(200)


def list_repositories(request: Request, access: Access) -> Response:
    """Answer with the names of the registry's repositories, in lexical order."""
    page = page_of(request)
    names = access.backend.list_repository_names(page.last, page.size + 1, access.registry_id)
    shown, link = page.cut(names)
    return Response.json(200, {"repositories": shown}, link)
