"""Tags of a repository."""

from __future__ import annotations

from .authentication import Access
from .messages import Request, Response
from .pages import page_of


def list_tags(request: Request, access: Access, name: str) -> Response:
    """List tags: OCI Distribution Specification 1.1, "Listing Tags"."""
    dialect = request.dialect
    page = page_of(request, dialect.tags_of_a_page)
    found = dialect.list_tags(access.backend, name, page.last, page.size + 1, access.registry_id)
    shown, link = page.cut([*found], found.__getitem__)
    headers = {**link, **dialect.tag_list_headers}
    return Response.json(200, {"name": name, "tags": shown}, headers)
