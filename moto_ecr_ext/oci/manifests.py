"""Manifests: reading one, and what it says of the image.

OCI Image Specification 1.1, "Image Manifest" and "Image Index", Docker image manifest version 2, schemas 1 and 2;
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException, LimitExceededException

from .descriptors import Descriptor
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

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Maximum number of image layers"
MAX_LAYERS = 4200


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was pushed, and what it says.

    `blobs` are the config and the layers, `children` the manifests of an index or list.
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
    """Read a manifest, whose media type is its own `mediaType` or else `media_type`.

    Raises InvalidParameterException with ECR's one text for everything that is not a manifest it takes, and
    LimitExceededException for one with too many layers, or as many children.
    """
    try:
        document = json.loads(content.decode("utf-8"))
        manifest = _read(content, document, media_type)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        raise InvalidParameterException.at("ImageManifest", "Invalid JSON syntax") from None
    # The config is the first blob.
    if max(len(manifest.blobs) - 1, len(manifest.children)) > MAX_LAYERS:
        raise LimitExceededException(
            f"The maximum number of layers of a manifest, {MAX_LAYERS}, has been exceeded."
        )
    return manifest


def _read(content: bytes, document: Any, given: str | None) -> Manifest:
    own = document.get("mediaType")
    media_type = own or given
    if media_type not in MANIFEST_TYPES or (own and given and own != given):
        raise ValueError(media_type)
    blobs: list[Descriptor] = []
    children: tuple[Descriptor, ...] = ()
    artifact_type = document.get("artifactType")
    if media_type in INDEX_TYPES:
        children = tuple(Descriptor.parse(child) for child in _list(document["manifests"]))
    elif media_type in SCHEMA_1_TYPES:
        blobs = [
            Descriptor.parse({"digest": layer["blobSum"]}) for layer in _list(document["fsLayers"])
        ]
    else:
        config = Descriptor.parse(document["config"])
        blobs = [config, *(Descriptor.parse(layer) for layer in _list(document["layers"]))]
        artifact_type = artifact_type or config.media_type
    subject = document.get("subject")
    annotations = document.get("annotations")
    return Manifest(
        content=content,
        media_type=MediaType(media_type),
        blobs=tuple(blobs),
        children=children,
        subject=Descriptor.parse(subject).digest if subject else None,
        artifact_type=MediaType.parse_optional(artifact_type),
        annotations=_annotations(annotations) if annotations else None,
    )


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _text(value: Any) -> str | None:
    """Text that UTF-8 and every database can hold: JSON can say half of a surrogate pair."""
    if value is None:
        return None
    if not isinstance(value, str) or "\0" in value:
        raise TypeError(value)
    value.encode()
    return value


def _annotations(document: Any) -> dict[str, str]:
    for key, value in document.items():
        if _text(key) is None or _text(value) is None:
            raise TypeError(document)
    return dict(document)


_DOCKER_TO_OCI: dict[str, str] = {
    DOCKER_MANIFEST: OCI_MANIFEST,
    DOCKER_CONFIG: OCI_CONFIG,
    DOCKER_LAYER_TAR: OCI_LAYER_TAR,
    DOCKER_LAYER_GZIP: OCI_LAYER_GZIP,
}
_OCI_TO_DOCKER: dict[str, str] = {oci: docker for docker, oci in _DOCKER_TO_OCI.items()}


def translate(content: bytes, media_type: str, accepted: Collection[str]) -> tuple[bytes, str]:
    """The manifest in a form that the client accepts, and that form's media type.

    ECR turns Docker schema 2 into OCI and back for who asks by tag and accepts only the other; everything else is
    returned as it is stored. ECR also writes schema 1 for clients of before 2016; this does not.
    """
    if not accepted or media_type in accepted:
        return content, media_type
    for names in (_DOCKER_TO_OCI, _OCI_TO_DOCKER):
        wanted = names.get(MediaType(media_type))
        if wanted not in accepted:
            continue
        document = json.loads(content)
        descriptors = [document["config"], *document["layers"]]
        if all(descriptor.get("mediaType") in names for descriptor in descriptors):
            document["mediaType"] = wanted
            for descriptor in descriptors:
                descriptor["mediaType"] = names[descriptor["mediaType"]]
            return json.dumps(document, indent=3).encode(), str(wanted)
    return content, media_type
