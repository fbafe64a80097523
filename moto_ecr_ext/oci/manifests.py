"""Manifests: parsing, and conversion between the formats of Docker and OCI.

OCI Image Specification 1.1, "Image Manifest" and "Image Index", Docker image manifest version 2, schemas 1 and 2;
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
"""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidManifest, InvalidParameterException

from .descriptors import Descriptor, parse_digest, parse_media_type
from .media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_TAR,
    DOCKER_MANIFEST,
    INDEX_TYPES,
    MANIFEST_TYPES,
    OCI_CONFIG,
    OCI_LAYER_GZIP,
    OCI_LAYER_TAR,
    OCI_MANIFEST,
    SCHEMA_1_TYPES,
    MediaType,
)
from .members import as_object, elements, optional_text, optional_texts, required

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Maximum number of image layers"
MAX_LAYERS = 4200


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was pushed, and its parsed contents.

    `blobs` are the config and the layers, or the blobs that an index lists. `children` are the manifests of an index or
    list.
    """

    content: bytes
    media_type: MediaType
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: str | None
    artifact_type: MediaType | None
    annotations: dict[str, str] | None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_TYPES


def parse_manifest(content: bytes, media_type: str | None) -> Manifest:
    """Parse a manifest. Its media type is its own `mediaType`, or else `media_type`.

    Raises InvalidManifest for a manifest that ECR does not accept, and InvalidParameterException for too many layers or
    children.
    """
    try:
        document = json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError):
        raise InvalidManifest("", "is not JSON in UTF-8") from None
    return read_manifest(content, as_object(document, ""), media_type)


def read_manifest(content: bytes, document: dict[str, Any], media_type: str | None) -> Manifest:
    """Return the manifest of a parsed document. Raises InvalidManifest as `parse_manifest` does."""
    manifest = _read(content, document, media_type)
    # The config is the first blob.
    if max(len(manifest.blobs) - 1, len(manifest.children)) > MAX_LAYERS:
        raise too_many_layers()
    return manifest


def too_many_layers() -> InvalidParameterException:
    """Return ECR's error for an image with too many layers."""
    # https://github.com/cirruslabs/tart/issues/890
    return InvalidParameterException.at(
        "ImageManifest", "Limit on number of layers per image exceeded"
    )


def _read(content: bytes, document: dict[str, Any], given: str | None) -> Manifest:
    media_type = _media_type(document, given)
    _check_version(document, media_type)
    blobs: list[Descriptor] = []
    children: list[Descriptor] = []
    artifact_type = parse_media_type(document.get("artifactType"), "artifactType")
    if media_type in INDEX_TYPES:
        for element, member in elements(document, "manifests"):
            child = Descriptor.parse(element, member)
            # An index may list blobs too, as BuildKit's cache does without `image-manifest=true`
            # (https://github.com/aws/containers-roadmap/issues/876).
            is_manifest = child.media_type is None or child.media_type in MANIFEST_TYPES
            (children if is_manifest else blobs).append(child)
    elif media_type in SCHEMA_1_TYPES:
        for element, member in elements(document, "fsLayers"):
            digest = required(as_object(element, member), "blobSum", member)
            blobs.append(Descriptor(parse_digest(*digest), 0, None))
    else:
        config = Descriptor.parse(*required(document, "config"))
        layers = [Descriptor.parse(*layer) for layer in elements(document, "layers")]
        blobs = [config, *layers]
        artifact_type = artifact_type or config.media_type
    subject = document.get("subject")
    return Manifest(
        content=content,
        media_type=media_type,
        blobs=tuple(blobs),
        children=tuple(children),
        subject=None if subject is None else Descriptor.parse(subject, "subject").digest,
        artifact_type=artifact_type,
        annotations=optional_texts(document.get("annotations"), "annotations"),
    )


def _media_type(document: dict[str, Any], given: str | None) -> MediaType:
    """Return the media type of a manifest. Raises InvalidManifest if it is missing, ambiguous or unsupported."""
    own = optional_text(document.get("mediaType"), "mediaType")
    if own and given and own != given:
        raise InvalidManifest(
            "mediaType", f"is not {given[:100]!a}, the media type that was sent with it"
        )
    media_type = own or given
    if not media_type:
        raise InvalidManifest("mediaType", "is missing, and no media type was sent with it")
    if media_type not in MANIFEST_TYPES:
        raise InvalidManifest(
            "mediaType", f"must be the media type of a manifest, and is {media_type[:100]!a}"
        )
    return MediaType(media_type)


def _check_version(document: dict[str, Any], media_type: MediaType) -> None:
    """Raise InvalidManifest for another schema's version. It may be missing, although the specification requires it."""
    expected = 1 if media_type in SCHEMA_1_TYPES else 2
    version = document.get("schemaVersion", expected)
    if type(version) is not int or version != expected:
        raise InvalidManifest("schemaVersion", f"must be the number {expected}")


_DOCKER_TO_OCI: dict[str, str] = {
    DOCKER_MANIFEST: OCI_MANIFEST,
    DOCKER_CONFIG: OCI_CONFIG,
    DOCKER_LAYER_TAR: OCI_LAYER_TAR,
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
}
_OCI_TO_DOCKER: dict[str, str] = {oci: docker for docker, oci in _DOCKER_TO_OCI.items()}
_OTHER_FORM: dict[str, str] = {DOCKER_MANIFEST: OCI_MANIFEST, OCI_MANIFEST: DOCKER_MANIFEST}


def translate(content: bytes, media_type: str, accepted: Container[str]) -> tuple[bytes, str]:
    """Return a manifest in a form that the client accepts, and the media type of that form.

    For requests by tag, ECR translates Docker schema 2 into OCI and back if the client accepts only the other one.
    Other manifests are unchanged. ECR also translates into schema 1 for clients from before 2016; this function does
    not.
    """
    other = _OTHER_FORM.get(media_type)
    if media_type in accepted or other is None or other not in accepted:
        return content, media_type
    return in_other_form(content, media_type) or (content, media_type)


def in_other_form(content: bytes, media_type: str) -> tuple[bytes, str] | None:
    """Return an image manifest translated from Docker schema 2 into OCI or from OCI into it, and its new media type.

    Return None for other manifests. The same manifest is always translated into the same bytes.
    """
    names = _DOCKER_TO_OCI if media_type in _DOCKER_TO_OCI else _OCI_TO_DOCKER
    if media_type not in _OTHER_FORM:
        return None
    document = json.loads(content)
    descriptors = [document["config"], *(document["layers"] or ())]
    if not all(descriptor.get("mediaType") in names for descriptor in descriptors):
        return None
    document["mediaType"] = names[media_type]
    for descriptor in descriptors:
        descriptor["mediaType"] = names[descriptor["mediaType"]]
    return json.dumps(document, indent=3).encode(), names[media_type]
