"""The requested part of a blob (RFC 9110, 14)."""

from __future__ import annotations

import re

from moto_ecr_ext.oci.digest import Digest

from .conditions import entity_tag
from .messages import Request

# A number of more digits exceeds any size; such a header is ignored.
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,1000})\s*-\s*([0-9]{0,1000})\s*", re.IGNORECASE)


def wanted_range(request: Request, digest: Digest, size: int) -> range | None:
    """Return the requested positions in a blob of `size` bytes; an empty range if the blob has none of them.

    None means the whole blob: without a range, with several, with a malformed one, or if If-Range names other content.
    A range that ends before it begins, or the last 0 bytes, cannot be satisfied (RFC 9110, 14.1.1 and 14.1.2).
    """
    match = _RANGE.fullmatch(request.headers.get("range", ""))
    if match is None or not (match[1] or match[2]):
        return None
    etag = entity_tag(digest)
    if request.headers.get("if-range", etag) != etag:
        return None
    if not match[1]:
        return range(max(size - int(match[2]), 0), size)
    return range(int(match[1]), min(int(match[2]) + 1, size) if match[2] else size)
