"""Upload sessions: start, append, commit, cancel; mounting a blob of another repository."""

from __future__ import annotations

import re

from moto_ecr_ext import settings
from moto_ecr_ext.exceptions import (
    InvalidLayerPartException,
    RepositoryName,
    UploadNotFoundException,
)
from moto_ecr_ext.models.layers.uploads import Upload, check_parts
from moto_ecr_ext.oci.digest import is_digest
from moto_ecr_ext.storage.blobs.store import UploadSession, is_upload_id

from .authentication import Access
from .errors import RegistryError, digest_invalid, registry_error
from .messages import BodyTruncated, Request, Response

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/(?:\d+|\*))?")


def start(request: Request, access: Access, name: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing blobs": start a session, mount, or push all in one POST.

    A mount that is not granted, for whatever reason, is answered with a session.
    """
    mounted, digest = request.query.get("mount"), request.query.get("digest")
    if mounted is not None:
        if _mount(request, access, name, mounted):
            return _created(request, name, mounted)
        digest = None
    if digest is not None and not is_digest(digest):
        raise digest_invalid(digest)
    upload = access.backend.start_upload(name, access.registry_id)
    if digest is None:
        return _accepted(request, 202, upload)
    try:
        return _commit(request, access, name, upload.id, digest)
    except Exception:
        # The client knows no session to continue.
        access.backend.cancel_upload(upload)
        raise


def status(request: Request, access: Access, name: str, session: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing a blob in chunks": how much of it is there."""
    upload = access.backend.find_upload(name, _upload_id(session, name, access), access.registry_id)
    return _accepted(request, 204, upload)


def append(request: Request, access: Access, name: str, session: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing a blob in chunks"; without Content-Range, a stream."""
    upload_id = _upload_id(session, name, access)
    with access.backend.open_upload(name, upload_id, access.registry_id) as (upload, writer):
        _receive(request, access, upload, writer)
        upload = access.backend.advance_upload(upload, writer)
    if settings.follow_aws():
        # https://github.com/aws/containers-roadmap/issues/2831
        return _accepted(request, 201, upload)
    return _accepted(request, 202, upload)


def commit(request: Request, access: Access, name: str, session: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing blobs": the last bytes, if any, and the digest of all."""
    digest = request.query.get("digest", "")
    if not is_digest(digest):
        raise digest_invalid(digest)
    return _commit(request, access, name, _upload_id(session, name, access), digest)


def cancel(request: Request, access: Access, name: str, session: str) -> Response:
    """Forget an upload (endpoint end-14, which the specification has since version 1.1)."""
    upload_id = _upload_id(session, name, access)
    access.backend.cancel_upload(access.backend.find_upload(name, upload_id, access.registry_id))
    return Response(204)


def _mount(request: Request, access: Access, name: str, digest: str) -> bool:
    """OCI Distribution Specification 1.1, "Mounting a blob from another repository"; whether it was granted."""
    source = request.query.get("from")
    if not source or not is_digest(digest):
        return False
    return access.backend.mount_blob(name, source, digest, access.registry_id)


def _commit(request: Request, access: Access, name: str, upload_id: str, digest: str) -> Response:
    with access.backend.open_upload(name, upload_id, access.registry_id) as (upload, writer):
        _receive(request, access, upload, writer)
        if settings.follow_aws():
            check_parts(upload.advanced(writer.size))
        access.backend.complete_upload(upload, writer, [digest])
    return _created(request, name, digest)


def _receive(request: Request, access: Access, upload: Upload, writer: UploadSession) -> None:
    """Append the body to the upload. What came of a body that breaks off is acknowledged, so that it can go on."""
    said = _chunk_range(request, upload)
    try:
        for piece in request.body.pieces():
            writer.write(piece)
    except BodyTruncated:
        if writer.size > upload.received:
            access.backend.advance_upload(upload, writer)
        raise
    received = writer.size - upload.received
    if said is not None and received != said:
        raise RegistryError(
            "SIZE_INVALID", f"The chunk has {received} bytes, its Content-Range {said}", 400
        )


def _chunk_range(request: Request, upload: Upload) -> int | None:
    """How many bytes Content-Range says the chunk has; None without that header.

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
        refusal = registry_error(error)
        refusal.headers.update(_progress(request, upload))
        raise refusal from None
    return last - first + 1


def _upload_id(session: str, name: str, access: Access) -> str:
    if not is_upload_id(session):
        raise UploadNotFoundException(session, RepositoryName(name, access.registry_id))
    return session


def _progress(request: Request, upload: Upload) -> dict[str, str]:
    name = upload.repository.repository_name
    return {
        "Location": f"{request.base_url}/v2/{name}/blobs/uploads/{upload.id}",
        "Range": f"0-{upload.last_byte}",
        "Docker-Upload-UUID": upload.id,
    }


def _accepted(request: Request, status: int, upload: Upload) -> Response:
    headers = _progress(request, upload)
    if settings.follow_aws() and upload.first_part is not None:
        headers["Range"] = f"0-{upload.first_part - 1}"
    return Response(status, headers)


def _created(request: Request, name: str, digest: str) -> Response:
    return Response(
        201,
        {
            "Location": f"{request.base_url}/v2/{name}/blobs/{digest}",
            "Docker-Content-Digest": digest,
        },
    )
