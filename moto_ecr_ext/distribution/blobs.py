"""Blobs by digest: pull, delete."""

from __future__ import annotations

from werkzeug.http import parse_range_header

from .access import Access
from .messages import BlobSlice, Request, Response


def get(request: Request, access: Access, name: str, digest: str) -> Response:
    """OCI Distribution Specification 1.1, "Pulling blobs"; one range of bytes (RFC 9110, 14), If-None-Match."""
    blob = access.backend.open_blob(name, digest, access.registry_id)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": f'"{digest}"',
        "Accept-Ranges": "bytes",
    }
    if request.headers.get("if-none-match", "").strip('"') == digest:
        blob.close()
        return Response(304, headers)
    start, stop, status = 0, blob.size, 200
    ranges = parse_range_header(request.headers.get("range"))
    if_range = request.headers.get("if-range")
    if (
        ranges
        and ranges.units == "bytes"
        and len(ranges.ranges) == 1
        and if_range in (None, headers["ETag"])
    ):
        wanted = ranges.range_for_length(blob.size)
        if wanted is None:
            blob.close()
            return Response(416, {**headers, "Content-Range": f"bytes */{blob.size}"})
        (start, stop), status = wanted, 206
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{blob.size}"
    return Response(status, headers, BlobSlice(blob, start, stop))


def delete(request: Request, access: Access, name: str, digest: str) -> Response:
    """OCI Distribution Specification 1.1, "Deleting Blobs"; refused while an image refers to the blob."""
    access.backend.delete_blob(name, digest, access.registry_id)
    return Response(202)
