"""Descriptors: how manifests refer to blobs and to other manifests.

OCI Image Specification 1.1, "Content Descriptors"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .digest import Digest, is_api_digest
from .media_types import MediaType, is_distributed

# Bytes. A thousand times what ECR takes, and the sum of a manifest's fits in 64 bits.
_SIZES = range(2**50)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to a blob or a manifest. `size` is in bytes, 0 in manifests of schema 1, which have no sizes.

    `digest` is what ECR accepts as one, which need not be the digest of anything.
    """

    digest: str
    size: int
    media_type: MediaType | None

    @classmethod
    def parse(cls, document: Any) -> Descriptor:
        """Read a descriptor of a manifest. Raises ValueError, or an error that shows a value of another type."""
        digest, size = document["digest"], document.get("size", 0)
        if not is_api_digest(digest) or type(size) is not int or size not in _SIZES:
            raise ValueError(document)
        return cls(digest, size, MediaType.parse_optional(document.get("mediaType")))

    @classmethod
    def of(cls, content: bytes, media_type: MediaType) -> Descriptor:
        """Return the descriptor of `content`."""
        return cls(Digest.of(content), len(content), media_type)

    @property
    def document(self) -> dict[str, Any]:
        """The descriptor as it stands in JSON."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    @property
    def is_distributed(self) -> bool:
        """Whether a registry holds the bytes."""
        return is_distributed(self.media_type)
