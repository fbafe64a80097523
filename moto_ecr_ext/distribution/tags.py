"""Tags of a repository."""

from __future__ import annotations

from .authentication import Access
from .messages import Request, Response
from .pages import page_of


def list_tags(request: Request, access: Access, name: str) -> Response:
    """List tags in lexical order: OCI Distribution Specification 1.1, "Listing Tags"."""
    page = page_of(request)
    names = access.backend.list_tags(name, page.last, page.size + 1, access.registry_id)
    shown, link = page.cut(names)
    headers = {**link, **request.dialect.tag_list_headers}
    return Response.json(200, {"name": name, "tags": shown}, headers)
