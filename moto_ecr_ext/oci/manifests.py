"""Manifests: reading one, and what it says of the image.

OCI Image Specification 1.1 (manifest, index, descriptor), Docker image manifest version 2, schemas 1 and 2;
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidParameterException, LimitExceededException

DOCKER_SCHEMA_1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA_1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
MEDIA_TYPES = frozenset(
    (
        DOCKER_SCHEMA_1,
        DOCKER_SCHEMA_1_SIGNED,
        DOCKER_MANIFEST,
        DOCKER_LIST,
        OCI_MANIFEST,
        OCI_INDEX,
    )
)
INDEX_MEDIA_TYPES = frozenset((DOCKER_LIST, OCI_INDEX))
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Maximum number of image layers"
MAX_LAYERS = 4200
_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
# RFC 6838, section 4.2, as the image specification requires. Parameters are no part of it, and ECR refuses them
# (https://github.com/aws/containers-roadmap/issues/2306).
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(f"{_NAME}/{_NAME}")
# What a descriptor can say, in bytes. A thousand times what ECR takes, and the sum of a manifest's fits in 64 bits.
_SIZES = range(2**50)
# Layers that a registry is not given: their bytes are found at `urls` of the descriptor.
_NOT_DISTRIBUTED = re.compile(
    r"application/vnd\.(docker\.image\.rootfs\.foreign|oci\.image\.layer\.nondistributable)\."
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What refers to a blob or a manifest. `size` is in bytes, 0 where a schema 1 manifest does not say."""

    digest: str
    size: int
    media_type: str | None

    @property
    def is_distributed(self) -> bool:
        """Whether a registry holds the bytes."""
        return not (self.media_type and _NOT_DISTRIBUTED.match(self.media_type))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest as it was pushed, and what it says.

    `blobs` are the config and the layers, `children` the manifests of an index or list.
    """

    content: bytes
    media_type: str
    blobs: tuple[Descriptor, ...]
    children: tuple[Descriptor, ...]
    subject: str | None
    artifact_type: str | None
    annotations: dict[str, str] | None

    @property
    def is_index(self) -> bool:
        return self.media_type in INDEX_MEDIA_TYPES


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
    if media_type not in MEDIA_TYPES or (own and given and own != given):
        raise ValueError(media_type)
    blobs: list[Descriptor] = []
    children: tuple[Descriptor, ...] = ()
    artifact_type = document.get("artifactType")
    if media_type in INDEX_MEDIA_TYPES:
        children = tuple(_descriptor(child) for child in _list(document["manifests"]))
    elif media_type in (DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED):
        blobs = [_descriptor({"digest": layer["blobSum"]}) for layer in _list(document["fsLayers"])]
    else:
        config = _descriptor(document["config"])
        blobs = [config, *(_descriptor(layer) for layer in _list(document["layers"]))]
        artifact_type = artifact_type or config.media_type
    subject = document.get("subject")
    annotations = document.get("annotations")
    return Manifest(
        content=content,
        media_type=media_type,
        blobs=tuple(blobs),
        children=children,
        subject=_descriptor(subject).digest if subject else None,
        artifact_type=_media_type(artifact_type),
        annotations=_annotations(annotations) if annotations else None,
    )


def _descriptor(document: Any) -> Descriptor:
    digest, size = document["digest"], document.get("size", 0)
    if not _DIGEST.fullmatch(digest) or type(size) is not int or size not in _SIZES:
        raise ValueError(document)
    return Descriptor(digest, size, _media_type(document.get("mediaType")))


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(value)
    return value


def _media_type(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if not _MEDIA_TYPE.fullmatch(value):
        raise ValueError(value)
    return str(value)


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


_DOCKER_TO_OCI = {
    DOCKER_MANIFEST: OCI_MANIFEST,
    "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
}
_OCI_TO_DOCKER = {oci: docker for docker, oci in _DOCKER_TO_OCI.items()}


def translate(content: bytes, media_type: str, accepted: Collection[str]) -> tuple[bytes, str]:
    """The manifest in a form that the client accepts, and that form's media type.

    ECR turns Docker schema 2 into OCI and back for who asks by tag and accepts only the other; everything else is
    returned as it is stored. ECR also writes schema 1 for clients of before 2016; this does not.
    """
    if not accepted or media_type in accepted:
        return content, media_type
    for names in (_DOCKER_TO_OCI, _OCI_TO_DOCKER):
        wanted = names.get(media_type)
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
