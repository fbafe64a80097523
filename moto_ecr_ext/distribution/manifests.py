"""Manifests by tag or digest: pull, push, delete."""

from __future__ import annotations

import re

from moto_ecr_ext import settings
from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.oci.digest import is_digest

from .authentication import Access
from .conditions import client_holds, entity_tag
from .errors import RegistryError, digest_invalid
from .messages import Request, Response

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
MAX_MANIFEST_SIZE = 4 * 1024 * 1024

# As PutImage has them (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html).
_TAG = re.compile(r"[a-zA-Z0-9-_.]+")
_LONGEST_TAG = 300


def get(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Pulling manifests". A HEAD is no pull."""
    stored = access.backend.get_manifest(
        name, _reference(reference), _accepted(request), access.registry_id
    )
    headers = {
        "Content-Type": stored.media_type,
        "Docker-Content-Digest": stored.digest,
        "ETag": entity_tag(stored.digest),
    }
    if request.method == "GET":
        access.backend.record_pull([stored.pull])
        if settings.follow_aws():
            del headers["Docker-Content-Digest"]
    if client_holds(request, stored.digest):
        return Response(304, headers)
    return Response(200, headers, stored.content)


def put(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Pushing Manifests". The same again is no error."""
    _check_new_reference(reference)
    content = request.read_body(MAX_MANIFEST_SIZE)
    if content is None:
        raise RegistryError(
            "MANIFEST_INVALID", f"A manifest has at most {MAX_MANIFEST_SIZE} bytes", 413
        )
    stored = access.backend.put_manifest(
        name,
        reference,
        content,
        _media_type(request.headers.get("content-type", "")) or None,
        access.registry_id,
    )
    headers = {
        "Location": f"{request.base_url}/v2/{name}/manifests/{stored.digest}",
        "Docker-Content-Digest": stored.digest,
    }
    if stored.subject:
        headers["OCI-Subject"] = stored.subject
    return Response(201, headers)


def delete(request: Request, access: Access, name: str, reference: str) -> Response:
    """OCI Distribution Specification 1.1, "Deleting Manifests", "Deleting tags".

    Deleting the last tag leaves the manifest, as the specification has it; ECR deletes both.
    """
    reference = _reference(reference)
    if is_digest(reference):
        access.backend.delete_manifest(name, reference, access.registry_id)
    elif settings.follow_aws():
        access.backend.delete_tag_and_last_image(name, reference, access.registry_id)
    else:
        access.backend.delete_tag(name, reference, access.registry_id)
    return Response(202)


def _reference(text: str) -> str:
    """A tag or a digest. Raises RegistryError for what is neither."""
    if ":" in text:
        if not is_digest(text):
            raise digest_invalid(text)
    elif not _TAG.fullmatch(text):
        raise RegistryError("MANIFEST_INVALID", f"'{text}' is neither a tag nor a digest", 400)
    return text


def _check_new_reference(text: str) -> None:
    """Raise RegistryError for what cannot be a digest, and what PutImage raises for what cannot be a tag."""
    if ":" in text:
        if not is_digest(text):
            raise digest_invalid(text)
    elif not _TAG.fullmatch(text):
        raise InvalidParameterException.at(
            "imageTag", "must satisfy regular expression '[a-zA-Z0-9-_.]+'"
        )
    elif len(text) > _LONGEST_TAG:
        raise InvalidParameterException.at(
            "imageTag", f"must have length less than or equal to {_LONGEST_TAG}"
        )


def _accepted(request: Request) -> list[str]:
    """Media types of the Accept header; none where it takes anything."""
    types = [_media_type(each) for each in request.headers.get("accept", "").split(",")]
    return [] if "*/*" in types else [each for each in types if each]


def _media_type(text: str) -> str:
    """A media type without its parameters (`; charset=utf-8`), which mean nothing for a manifest."""
    return text.partition(";")[0].strip().lower()
