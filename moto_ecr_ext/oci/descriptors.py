"""Descriptors, by which manifests refer to blobs and to other manifests.

OCI Image Specification 1.1, "Content Descriptors"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidManifest

from .digest import Digest, is_api_digest
from .media_types import MediaType, is_distributed
from .members import as_object, optional_text, required

# Bytes. This is a thousand times ECR's limit, and the sum over a manifest fits in 64 bits.
_SIZES = range(2**50)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to a blob or a manifest. `size` is in bytes, 0 in manifests of schema 1, which have no sizes.

    `digest` is a text that ECR accepts as a digest; it may be no valid one.
    """

    digest: str
    size: int
    media_type: MediaType | None

    @classmethod
    def parse(cls, value: Any, member: str) -> Descriptor:
        """Return a descriptor from the member of a manifest at this path. Raises InvalidManifest."""
        document = as_object(value, member)
        size = document.get("size", 0)
        if type(size) is not int or size not in _SIZES:
            raise InvalidManifest(
                f"{member}.size", f"must be a number of bytes below {len(_SIZES)}"
            )
        return cls(
            digest=parse_digest(*required(document, "digest", member)),
            size=size,
            media_type=parse_media_type(document.get("mediaType"), f"{member}.mediaType"),
        )

    @classmethod
    def of(cls, content: bytes, media_type: MediaType) -> Descriptor:
        """Return the descriptor of `content`."""
        return cls(Digest.of(content), len(content), media_type)

    @property
    def document(self) -> dict[str, Any]:
        """The descriptor in JSON."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    @property
    def is_distributed(self) -> bool:
        """True if a registry holds the bytes."""
        return is_distributed(self.media_type)


def parse_digest(value: Any, member: str) -> str:
    """Return a text that ECR accepts as a digest. Raises InvalidManifest."""
    if not isinstance(value, str) or not is_api_digest(value):
        raise InvalidManifest(member, "must be a digest")
    return value


def parse_media_type(value: Any, member: str) -> MediaType | None:
    """Return a media type; None if the member is missing or empty. Raises InvalidManifest."""
    try:
        return MediaType.parse_optional(optional_text(value, member))
    except ValueError:
        raise InvalidManifest(member, "must be a media type") from None
