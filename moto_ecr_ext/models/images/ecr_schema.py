"""Amazon ECR's schema of manifests, which is stricter than the OCI Image Specification.

ECR does not publish it. Each rule names the report that it comes from. All reports fit one schema, which refuses
unknown members of a descriptor.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from moto_ecr_ext.exceptions import InvalidManifest, InvalidParameterException
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.oci.media_types import MANIFEST_TYPES, SCHEMA_1_TYPES
from moto_ecr_ext.oci.members import elements, member_of

_DESCRIPTOR = frozenset(("mediaType", "digest", "size"))
# The members that ECR accepts in each descriptor. A config: https://github.com/regclient/regclient/issues/709
# (platform), https://github.com/goharbor/acceleration-service/pull/353 (annotations); a subject:
# https://github.com/dragonflyoss/nydus/issues/1691. There is no report about `data`, `artifactType` and `urls`
# elsewhere.
_MEMBERS = {
    "config": _DESCRIPTOR,
    "subject": _DESCRIPTOR,
    "layers": _DESCRIPTOR | {"annotations", "artifactType", "data", "urls"},
    "manifests": _DESCRIPTOR | {"annotations", "artifactType", "data", "platform", "urls"},
}
# https://github.com/aws/containers-roadmap/issues/2439 (features)
_PLATFORM = frozenset(("architecture", "os", "os.version", "os.features", "variant"))
_UNKNOWN = "is a member that Amazon ECR does not accept there"


def check_ecr_schema(manifest: Manifest) -> None:
    """Raise InvalidManifest if ECR refuses a manifest, or InvalidParameterException for an image without layers."""
    if manifest.media_type in SCHEMA_1_TYPES:
        return
    document = json.loads(manifest.content)
    if "schemaVersion" not in document:
        # https://github.com/bazel-contrib/rules_oci/issues/690
        raise InvalidManifest("schemaVersion", "is missing")
    for descriptor, member, of_kind in _descriptors(document):
        _check_members(descriptor, member, of_kind)
    check_media_types(manifest)
    if manifest.is_index:
        _check_children(document)
    elif not document["layers"]:
        # https://github.com/werf/werf/pull/2558
        raise InvalidParameterException.at("ImageManifest", "Image has to have at least 1 layer")


def check_media_types(manifest: Manifest) -> None:
    """Raise InvalidManifest for a media type with parameters.

    https://github.com/aws/containers-roadmap/issues/2306
    """
    descriptors = (*manifest.blobs, *manifest.children)
    if not any(
        ";" in (each or "")
        for each in (manifest.artifact_type, *(each.media_type for each in descriptors))
    ):
        return
    document = json.loads(manifest.content)
    named = [(document.get("artifactType"), "artifactType")]
    named += [
        (descriptor.get("mediaType"), f"{member}.mediaType")
        for descriptor, member, _ in _descriptors(document)
    ]
    for media_type, member in named:
        if ";" in (media_type or ""):
            raise InvalidManifest(member, "must not have parameters")


def _descriptors(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Yield each descriptor, its path, and its key of `_MEMBERS`."""
    for name in ("config", "subject"):
        if document.get(name) is not None:
            yield document[name], name, name
    for name in ("layers", "manifests"):
        if name in document:
            yield from ((each, member, name) for each, member in elements(document, name))


def _check_members(descriptor: dict[str, Any], member: str, of_kind: str) -> None:
    for name in descriptor:
        if name not in _MEMBERS[of_kind]:
            raise InvalidManifest(member_of(member, name), _UNKNOWN)
    platform = descriptor.get("platform") or {}
    if not isinstance(platform, dict):
        raise InvalidManifest(f"{member}.platform", "must be an object")
    for name in platform:
        if name not in _PLATFORM:
            raise InvalidManifest(member_of(f"{member}.platform", name), _UNKNOWN)


def _check_children(document: dict[str, Any]) -> None:
    # https://github.com/aws/containers-roadmap/issues/876
    for child, member in elements(document, "manifests"):
        if (child.get("mediaType") or None) not in MANIFEST_TYPES | {None}:
            raise InvalidManifest(
                f"{member}.mediaType",
                "must be the media type of a manifest (BuildKit: image-manifest=true)",
            )
