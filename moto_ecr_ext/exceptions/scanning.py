"""Errors of scans."""

from __future__ import annotations

from .base import ECRError, NamedRepository, in_registry
from .images import image_id_text


class ScanNotFoundException(ECRError):
    def __init__(self, digest: str | None, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"Image scan does not exist for the image with '{image_id_text(digest, tag)}' "
            f"in the {in_registry(repository)}"
        )


class UnsupportedImageTypeException(ECRError):
    def __init__(self, media_type: str):
        super().__init__(
            f"An artifact with media type '{media_type}' cannot be scanned. "
            "For more information, see the Amazon ECR documentation."
        )


class ImageArchivedException(ECRError):
    message = "The specified image is archived and cannot be scanned."
