"""Blobs by digest: pull, delete."""

from __future__ import annotations

from werkzeug.http import parse_range_header

from moto_ecr_ext import settings
from moto_ecr_ext.oci.digest import Digest

from .authentication import Access
from .conditions import client_holds, entity_tag
from .errors import range_not_satisfiable
from .messages import BlobSlice, Request, Response

# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html has no time. URLs
# that were seen name about an hour.
_REDIRECT_LASTS = 3600


def head(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """OCI Distribution Specification 1.1, "Checking if content exists in the registry".

    With If-None-Match. No part of a GET: the blob is not opened, and where a GET would be redirected ECR answers this.
    """
    size = access.backend.size_of_blob(name, digest, access.registry_id)
    headers = _headers(digest)
    if client_holds(request, digest):
        return Response(304, headers)
    headers["Content-Length"] = str(size)
    return Response(200, headers)


def get(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """OCI Distribution Specification 1.1, "Pulling blobs".

    With If-None-Match, and with one range of bytes (RFC 9110, 14). Several ranges are answered with
    the whole blob, as S3 does to which ECR redirects; the setting REDIRECT has the same done here.
    """
    blob = access.backend.open_blob(name, digest, access.registry_id)
    headers = _headers(digest)
    if client_holds(request, digest):
        blob.close()
        return Response(304, headers)
    url = blob.url(_REDIRECT_LASTS) if settings.REDIRECT.get() == "true" else None
    if url is not None:
        blob.close()
        return Response(307, {"Docker-Content-Digest": digest, "Location": url})
    wanted = _wanted_range(request, headers["ETag"], blob.size)
    if wanted is None:
        return Response(200, headers, BlobSlice(blob, 0, blob.size))
    start, stop = wanted
    if start >= stop:
        blob.close()
        raise range_not_satisfiable(blob.size)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    return Response(206, headers, BlobSlice(blob, start, stop))


def delete(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """OCI Distribution Specification 1.1, "Deleting Blobs"; refused while an image refers to the blob."""
    access.backend.delete_blob(name, digest, access.registry_id)
    return Response(202)


def _headers(digest: str) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": entity_tag(digest),
        "Accept-Ranges": "bytes",
    }


def _wanted_range(request: Request, etag: str, size: int) -> tuple[int, int] | None:
    """The part that is asked for, its end exclusive; empty when the blob has none of it.

    None for the whole: no or more than one range, one that cannot be read, or an If-Range of other
    content.
    """
    ranges = parse_range_header(request.headers.get("range"))
    if ranges is None or ranges.units != "bytes":
        return None
    if len(ranges.ranges) != 1 or request.headers.get("if-range", etag) != etag:
        return None
    first, end = ranges.ranges[0]
    # From the end when negative; of more than there is, all of it.
    start = first if first >= 0 else max(size + first, 0)
    return start, size if end is None else min(end, size)
