"""Media types of manifests, configs and layers, and the grammar of media types.

OCI Image Specification 1.1, "Media Types", Docker image manifest version 2, schemas 1 and 2;
https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
"""

from __future__ import annotations

import re

# The grammar is RFC 6838, section 4.2, as the image specification requires. Parameters are allowed, since existing
# artifacts have them (https://github.com/aws/containers-roadmap/issues/2306).
_NAME = r"[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}"
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}([ \t]*;[\t -~]*)?")
_NOT_DISTRIBUTED = re.compile(
    r"application/vnd\.(docker\.image\.rootfs\.foreign|oci\.image\.layer\.nondistributable)\."
)


class MediaType(str):
    """The name of a format. `MediaType(text)` does not check its text; `MediaType.parse` does."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> MediaType:
        """Return `text` as a media type. Raises ValueError for any other text."""
        if not _MEDIA_TYPE.fullmatch(text):
            raise ValueError(f"not a media type: {text!r}")
        return cls(text)

    @classmethod
    def parse_optional(cls, text: str | None) -> MediaType | None:
        """Return the media type like `parse`, or None for a missing or empty text."""
        return None if text is None or text == "" else cls.parse(text)


DOCKER_SCHEMA_1 = MediaType("application/vnd.docker.distribution.manifest.v1+json")
DOCKER_SCHEMA_1_SIGNED = MediaType("application/vnd.docker.distribution.manifest.v1+prettyjws")
DOCKER_MANIFEST = MediaType("application/vnd.docker.distribution.manifest.v2+json")
DOCKER_LIST = MediaType("application/vnd.docker.distribution.manifest.list.v2+json")
DOCKER_CONFIG = MediaType("application/vnd.docker.container.image.v1+json")
DOCKER_LAYER_TAR = MediaType("application/vnd.docker.image.rootfs.diff.tar")
DOCKER_LAYER_GZIP = MediaType("application/vnd.docker.image.rootfs.diff.tar.gzip")

OCI_MANIFEST = MediaType("application/vnd.oci.image.manifest.v1+json")
OCI_INDEX = MediaType("application/vnd.oci.image.index.v1+json")
OCI_CONFIG = MediaType("application/vnd.oci.image.config.v1+json")
OCI_LAYER_TAR = MediaType("application/vnd.oci.image.layer.v1.tar")
OCI_LAYER_GZIP = MediaType("application/vnd.oci.image.layer.v1.tar+gzip")
OCI_EMPTY = MediaType("application/vnd.oci.empty.v1+json")

NOTATION_SIGNATURE = MediaType("application/vnd.cncf.notary.signature")
NOTATION_PAYLOAD = MediaType("application/vnd.cncf.notary.payload.v1+json")
JOSE_JSON = MediaType("application/jose+json")

SCHEMA_1_TYPES = frozenset((DOCKER_SCHEMA_1, DOCKER_SCHEMA_1_SIGNED))
INDEX_TYPES = frozenset((DOCKER_LIST, OCI_INDEX))
MANIFEST_TYPES = SCHEMA_1_TYPES | INDEX_TYPES | {DOCKER_MANIFEST, OCI_MANIFEST}
"""The media types of manifests, including indexes."""


IMAGE_CONFIG_TYPES = frozenset((DOCKER_CONFIG, OCI_CONFIG))
"""The media types of a config that only container images have. Other artifacts have others."""


def is_distributed(media_type: str | None) -> bool:
    """Return True if a registry holds layers of a media type. Others are at the `urls` of their descriptors."""
    return not (media_type and _NOT_DISTRIBUTED.match(media_type))


def without_parameters(header: str) -> str:
    """Return the media type of a header, in lower case. `; charset=utf-8` has no meaning for a manifest."""
    return header.partition(";")[0].strip().lower()
