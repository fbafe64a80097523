"""Manifests by tag or digest: pull, push, delete."""

from __future__ import annotations

from functools import partial

from moto_ecr_ext.exceptions import UncheckedRepository
from moto_ecr_ext.models.images.by_reference import Condition, unconditionally
from moto_ecr_ext.models.images.push import IncomingManifest
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.media_types import without_parameters
from moto_ecr_ext.oci.reference import Tag

from .accept import Accept
from .authentication import Access
from .conditions import check_before_change, client_holds, entity_tag
from .errors import RegistryError
from .messages import Request, Response
from .references import read_digest, read_new_reference, read_new_tag, read_reference

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
MAX_MANIFEST_SIZE = 4 * 1024 * 1024
# Each has a header line in the answer. Python's clients read no answer with more than a hundred such lines.
MAX_PUSHED_TAGS = 50


def get(request: Request, access: Access, name: str, reference: str) -> Response:
    """Answer GET and HEAD: OCI Distribution Specification 1.1, "Pulling manifests". A HEAD does not count as a pull."""
    pulled = access.backend.get_manifest(
        name,
        read_reference(reference),
        Accept(request.headers.get("accept", "")),
        access.registry_id,
    )
    headers = {
        "Content-Type": pulled.media_type,
        "Docker-Content-Digest": pulled.digest,
        "ETag": entity_tag(pulled.digest),
    }
    is_held = client_holds(request, pulled.digest)
    if request.method == "GET":
        repository = UncheckedRepository(name, access.registry_id)
        access.backend.record_pull(repository, [pulled.image])
    request.dialect.change_manifest_headers(headers, request.method)
    if is_held:
        return Response(304, headers)
    is_chunked = request.method == "GET" and request.dialect.is_chunked(pulled.content)
    return Response(200, headers, pulled.content, is_chunked=is_chunked)


def put(request: Request, access: Access, name: str, reference: str) -> Response:
    """Push a manifest: OCI Distribution Specification 1.1, "Pushing Manifests". Repeating a push is allowed.

    With If-Match and If-None-Match. The parameter `digest` names a manifest that is pushed by tag, for example by its
    sha512. The parameters `tag` are the tags of a manifest that is pushed by digest (endpoint end-7b of the
    specification's development version: https://github.com/opencontainers/distribution-spec/pull/600).
    """
    target = read_new_reference(reference)
    digests = [read_digest(each) for each in request.query.getlist("digest")]
    tags = list(dict.fromkeys(read_new_tag(each) for each in request.query.getlist("tag")))
    if isinstance(target, Digest):
        digests.insert(0, target)
    elif tags:
        raise RegistryError("TAG_INVALID", "Only a push by digest takes the parameter 'tag'", 400)
    if len(tags) > MAX_PUSHED_TAGS:
        raise RegistryError("TAG_INVALID", f"A push takes at most {MAX_PUSHED_TAGS} tags", 414)
    content = request.read_body(MAX_MANIFEST_SIZE)
    if content is None:
        raise RegistryError(
            "MANIFEST_INVALID", f"A manifest has at most {MAX_MANIFEST_SIZE} bytes", 413
        )
    incoming = IncomingManifest(
        reference=target,
        content=content,
        media_type=without_parameters(request.headers.get("content-type", "")) or None,
        digests=digests,
        tags=[target] if isinstance(target, Tag) else tags,
        condition=_condition(request),
    )
    pushed = access.backend.put_manifest(name, incoming, request.dialect, access.registry_id)
    headers = {"Docker-Content-Digest": pushed.digest}
    if request.dialect.locates_manifests:
        headers["Location"] = f"{request.base_url}/v2/{name}/manifests/{pushed.digest}"
    if pushed.subject:
        headers["OCI-Subject"] = pushed.subject
    return Response(201, headers, tags=tags)


def delete(request: Request, access: Access, name: str, reference: str) -> Response:
    """Delete a manifest or a tag: OCI Distribution Specification 1.1, "Deleting Manifests", "Deleting tags".

    With If-Match.
    """
    target, condition = read_reference(reference), _condition(request)
    if isinstance(target, Digest):
        access.backend.delete_manifest(name, target, access.registry_id, condition)
    else:
        request.dialect.delete_tag(access.backend, name, target, access.registry_id, condition)
    return Response(202)


def _condition(request: Request) -> Condition:
    """Return the condition of a change in the headers of its request."""
    if "if-match" in request.headers or "if-none-match" in request.headers:
        return partial(check_before_change, request)
    return unconditionally
