"""Blobs by digest: pull, delete."""

from __future__ import annotations

from contextlib import ExitStack

from moto_ecr_ext import settings
from moto_ecr_ext.oci.digest import Digest

from .authentication import Access
from .conditions import check_before_change, client_holds, entity_tag
from .errors import range_not_satisfiable
from .messages import BlobSlice, Request, Response
from .ranges import wanted_range

# Seconds. https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html gives no
# time; observed URLs are valid for about an hour.
_REDIRECT_LASTS = 3600


def head(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """Answer HEAD: OCI Distribution Specification 1.1, "Checking if content exists in the registry".

    With If-Match and If-None-Match. Unlike GET, it does not open the blob, and it is not redirected, as in ECR.
    """
    size = access.backend.size_of_blob(name, digest, access.registry_id)
    headers = _headers(digest)
    if client_holds(request, digest):
        return Response(304, headers)
    headers["Content-Type"] = request.dialect.blob_type_of_head
    headers["Content-Length"] = str(size)
    return Response(200, headers)


def get(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """Answer GET: OCI Distribution Specification 1.1, "Pulling blobs".

    With If-Match, If-None-Match, and one range of bytes (RFC 9110, 14). Several ranges are answered with the whole
    blob, as by S3, to which ECR redirects; the setting REDIRECT does that here.
    """
    headers = _headers(digest)
    with ExitStack() as unless_sent:
        blob = access.backend.open_blob(name, digest, access.registry_id)
        unless_sent.callback(blob.close)
        if client_holds(request, digest):
            return Response(304, headers)
        url = blob.url(_REDIRECT_LASTS) if settings.REDIRECT.get() == "true" else None
        if url is not None:
            return Response(307, {"Docker-Content-Digest": digest, "Location": url})
        wanted = wanted_range(request, digest, blob.size)
        if wanted is not None and not wanted:
            raise range_not_satisfiable(blob.size)
        unless_sent.pop_all()
    if wanted is None:
        return Response(200, headers, BlobSlice(blob, 0, blob.size))
    headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{blob.size}"
    return Response(206, headers, BlobSlice(blob, wanted.start, wanted.stop))


def delete(request: Request, access: Access, name: str, digest: Digest) -> Response:
    """Delete a blob: OCI Distribution Specification 1.1, "Deleting Blobs"; refused while an image refers to it.

    With If-Match.
    """
    check_before_change(request, (digest,))
    access.backend.delete_blob(name, digest, access.registry_id)
    return Response(202)


def _headers(digest: Digest) -> dict[str, str]:
    return {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "ETag": entity_tag(digest),
        "Accept-Ranges": "bytes",
    }
