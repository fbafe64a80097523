"""Upload sessions: start, append, commit, cancel; and mounting a blob of another repository."""

from __future__ import annotations

import re

from moto_ecr_ext.exceptions import InvalidLayerPartException
from moto_ecr_ext.models.layers.open_upload import OpenUpload, Upload
from moto_ecr_ext.oci.digest import Digest

from .authentication import Access
from .errors import RegistryError, registry_error
from .messages import BodyTruncated, Request, Response
from .references import check_algorithm, read_digest

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d+|\*))?")


def start(request: Request, access: Access, name: str) -> Response:
    """Start a session, mount a blob, or push it in one POST: OCI Distribution Specification 1.1, "Pushing blobs".

    A mount that is not granted, for whatever reason, is answered with a session. The parameter `digest-algorithm` of
    the specification's development version announces the algorithm of the blob's digest. Any supported one can still
    follow: the algorithm is that of the digest in the end.
    """
    mounted, claimed = request.query.get("mount"), request.query.get("digest")
    if mounted is not None:
        blob = Digest.parse_or_none(mounted)
        if blob is not None and _mount(request, access, name, blob):
            return _created(request, name, blob)
        claimed = None
    if claimed is None:
        if request.dialect.knows_digest_algorithms:
            check_algorithm(request.query.get("digest-algorithm"))
        return _accepted(request, 202, access.backend.start_upload(name, access.registry_id))
    digest = read_digest(claimed)
    # A failure cancels the upload: the client knows no session to continue.
    with access.backend.open_new_upload(name, access.registry_id) as upload:
        _commit(request, upload, digest)
    return _created(request, name, digest)


def status(request: Request, access: Access, name: str, session: str) -> Response:
    """Answer with the number of received bytes: OCI Distribution Specification 1.1, "Pushing a blob in chunks"."""
    return _accepted(request, 204, access.backend.find_upload(name, session, access.registry_id))


def append(request: Request, access: Access, name: str, session: str) -> Response:
    """Append the body to an upload. Without Content-Range, the body is a stream.

    OCI Distribution Specification 1.1, "Pushing a blob in chunks".
    """
    with access.backend.open_upload(name, session, access.registry_id) as upload:
        _receive(request, upload)
        upload.acknowledge()
    return _accepted(request, request.dialect.chunk_status, upload.acknowledged)


def commit(request: Request, access: Access, name: str, session: str) -> Response:
    """Commit an upload by its digest, after its last bytes, if any.

    OCI Distribution Specification 1.1, "Pushing blobs".
    """
    digest = read_digest(request.query.get("digest", ""))
    with access.backend.open_upload(name, session, access.registry_id) as upload:
        _commit(request, upload, digest)
    return _created(request, name, digest)


def cancel(request: Request, access: Access, name: str, session: str) -> Response:
    """Cancel an upload (endpoint end-14, which the specification has since version 1.1)."""
    access.backend.cancel_upload(name, session, access.registry_id)
    return Response(204)


def _mount(request: Request, access: Access, name: str, digest: Digest) -> bool:
    """Mount a blob: OCI Distribution Specification 1.1, "Mounting a blob from another repository".

    Return True if it was mounted.
    """
    source = request.query.get("from")
    # No repository's name has U+0000, and PostgreSQL refuses text with it.
    if not source or "\0" in source:
        return False
    return request.dialect.mount(access.backend, name, source, digest, access.registry_id)


def _commit(request: Request, upload: OpenUpload, digest: Digest) -> None:
    _receive(request, upload)
    request.dialect.check_upload(upload)
    upload.commit([digest])


def _receive(request: Request, upload: OpenUpload) -> None:
    """Append the body to the upload. Acknowledge the bytes before a break, so that the client can continue there."""
    said = _chunk_range(request, upload.acknowledged)
    try:
        for piece in request.body.pieces():
            upload.append(piece)
    except BodyTruncated:
        if upload.appended:
            upload.acknowledge()
        raise
    if said is not None and upload.appended != said:
        raise RegistryError(
            "SIZE_INVALID", f"The chunk has {upload.appended} bytes, its Content-Range {said}", 400
        )


def _chunk_range(request: Request, upload: Upload) -> int | None:
    """Return the number of bytes of the chunk by Content-Range, or None without that header.

    A chunk that does not start where the last one ended is refused with 416 (OCI Distribution Specification 1.1,
    "Pushing a blob in chunks").
    """
    text = request.headers.get("content-range")
    if text is None:
        return None
    try:
        match = _CONTENT_RANGE.fullmatch(text.strip())
        if match is None:
            raise upload.invalid_part(f"'{text}' is not a range of bytes")
        first, last = int(match[1]), int(match[2])
        upload.check_continued_at(first)
        if last < first - 1:
            raise upload.invalid_part(f"'{text}' is not a range of bytes")
    except InvalidLayerPartException as error:
        refusal = registry_error(error, request.dialect)
        refusal.headers.update(_progress(request, upload, upload.last_byte))
        raise refusal from None
    return last - first + 1


def _progress(request: Request, upload: Upload, last_byte: int) -> dict[str, str]:
    name = upload.repository.repository_name
    headers = {
        "Location": f"{request.base_url}/v2/{name}/blobs/uploads/{upload.id}",
        "Range": f"0-{last_byte}",
    }
    if request.dialect.upload_header is not None:
        headers[request.dialect.upload_header] = upload.id
    return headers


def _accepted(request: Request, status: int, upload: Upload) -> Response:
    return Response(status, _progress(request, upload, request.dialect.last_byte(upload)))


def _created(request: Request, name: str, digest: Digest) -> Response:
    return Response(
        201,
        {
            "Location": f"{request.base_url}/v2/{name}/blobs/{digest}",
            "Docker-Content-Digest": digest,
        },
    )
