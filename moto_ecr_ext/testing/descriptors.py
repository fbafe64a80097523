"""Descriptors in manifests and layouts from outside, with an error that names the problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.oci.digest import Digest, is_digest
from moto_ecr_ext.oci.layout import REF_NAME
from moto_ecr_ext.oci.media_types import is_distributed

from .values import ImageError


@dataclass(frozen=True)
class CheckedDescriptor:
    """A descriptor, checked for its use here. `document` is its JSON."""

    media_type: str
    digest: Digest
    size: int
    document: dict[str, Any]

    @classmethod
    def parse(cls, document: Any, where: str) -> CheckedDescriptor:
        """Parse a descriptor. Raises ImageError, in which `where` names the document."""
        if not isinstance(document, dict):
            raise ImageError(f"{where} lacks a required descriptor.")
        media_type, digest = document.get("mediaType"), document.get("digest")
        size = document.get("size")
        if not (isinstance(media_type, str) and isinstance(digest, str) and is_digest(digest)):
            raise ImageError(f"{where} has a descriptor without a media type or a valid digest.")
        if not isinstance(size, int) or size < 0:
            raise ImageError(f"{where} has a descriptor, {digest}, without a valid size.")
        return cls(media_type, Digest(digest), size, document)

    @classmethod
    def parse_list(
        cls, document: dict[str, Any], member: str, where: str
    ) -> list[CheckedDescriptor]:
        """Parse the descriptors in a member of a manifest. Raises ImageError as `parse` does."""
        descriptors = document.get(member)
        if not isinstance(descriptors, list):
            raise ImageError(f"{where} has no list '{member}'.")
        return [cls.parse(each, where) for each in descriptors]

    @property
    def ref_name(self) -> str | None:
        """The name that an image layout gives to the manifest."""
        annotations = self.document.get("annotations")
        name = annotations.get(REF_NAME) if isinstance(annotations, dict) else None
        return name if isinstance(name, str) else None

    @property
    def is_distributed(self) -> bool:
        """True if registries hold the bytes. Foreign layers are downloaded from elsewhere."""
        return is_distributed(self.media_type)
