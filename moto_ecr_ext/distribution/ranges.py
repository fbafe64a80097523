"""The part of a blob that a request asks for (RFC 9110, 14)."""

from __future__ import annotations

import re

from moto_ecr_ext.oci.digest import Digest

from .conditions import entity_tag
from .messages import Request

# A number of more digits than these counts no bytes; such a header is not understood.
_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,1000})\s*-\s*([0-9]{0,1000})\s*", re.IGNORECASE)


def wanted_range(request: Request, digest: Digest, size: int) -> range | None:
    """Return the positions that are asked for, of a blob of `size` bytes; none of them if the blob has none of them.

    None stands for the whole blob: without a range or with several, with one that is not understood, and if If-Range
    names other content. One whose last byte is before its first, or the last 0 bytes, is of no blob (RFC 9110, 14.1.1
    and 14.1.2).
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
