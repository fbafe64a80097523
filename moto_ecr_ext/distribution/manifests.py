"""Manifests by tag or digest: pull, push, delete."""

from __future__ import annotations

from moto_ecr_ext.exceptions import RepositoryName
from moto_ecr_ext.oci.digest import Digest

from .authentication import Access
from .conditions import client_holds, entity_tag
from .errors import RegistryError
from .messages import Request, Response
from .references import read_new_reference, read_reference

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
MAX_MANIFEST_SIZE = 4 * 1024 * 1024


def get(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Pulling manifests". A HEAD is no pull."""
    pulled = access.backend.get_manifest(
        name, read_reference(reference), _accepted(request), access.registry_id
    )
    headers = {
        "Content-Type": pulled.media_type,
        "Docker-Content-Digest": pulled.digest,
        "ETag": entity_tag(pulled.digest),
    }
    if request.method == "GET":
        repository = RepositoryName(name, access.registry_id)
        access.backend.record_pull(repository, [pulled.image])
        if not request.dialect.names_digest_of_get:
            del headers["Docker-Content-Digest"]
    if client_holds(request, pulled.digest):
        return Response(304, headers)
    return Response(200, headers, pulled.content)


def put(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing Manifests". The same again is no error."""
    target = read_new_reference(reference)
    content = request.read_body(MAX_MANIFEST_SIZE)
    if content is None:
        raise RegistryError(
            "MANIFEST_INVALID", f"A manifest has at most {MAX_MANIFEST_SIZE} bytes", 413
        )
    pushed = access.backend.put_manifest(
        name,
        target,
        content,
        _media_type(request.headers.get("content-type", "")) or None,
        access.registry_id,
    )
    headers = {
        "Location": f"{request.base_url}/v2/{name}/manifests/{pushed.digest}",
        "Docker-Content-Digest": pushed.digest,
    }
    if pushed.subject:
        headers["OCI-Subject"] = pushed.subject
    return Response(201, headers)


def delete(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Deleting Manifests", "Deleting tags"."""
    target = read_reference(reference)
    if isinstance(target, Digest):
        access.backend.delete_manifest(name, target, access.registry_id)
    else:
        request.dialect.delete_tag(access.backend, name, target, access.registry_id)
    return Response(202)


def _accepted(request: Request) -> list[str]:
    """Media types of the Accept header; none where it takes anything."""
    types = [_media_type(each) for each in request.headers.get("accept", "").split(",")]
    return [] if "*/*" in types else [each for each in types if each]


def _media_type(text: str) -> str:
    """A media type without its parameters (`; charset=utf-8`), which mean nothing for a manifest."""
    return text.partition(";")[0].strip().lower()
