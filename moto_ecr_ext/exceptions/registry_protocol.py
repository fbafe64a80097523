"""Errors that only the registry protocol returns. They are not error shapes of ECR's model.

`UpstreamError` in `pull_through` is another. The JSON protocol reports them, except BlobInUse, as failures of one image
among several, with the same codes (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html).
"""

from __future__ import annotations

from collections.abc import Sequence

from .base import ECRError, NamedRepository
from .images import ImageNotFoundException


class BlobInUse(ECRError):
    """The error for deleting a blob that an image refers to."""

    code = "BlobInUse"

    def __init__(self, digest: str):
        super().__init__(f"The layer with digest '{digest}' is referenced by an image")


class PlaceholderImage(ImageNotFoundException):
    """The error for pulling a placeholder: the JSON API lists the image, but it has no manifest."""

    def __init__(self, digest: str, reference: str, repository: NamedRepository):
        super().__init__(digest, None, repository)
        self.reason = (
            f"{reference} is a placeholder image: PutImage accepted a text that is not its manifest, or whose layers "
            "were never uploaded, as moto does. Push the image, or delete it with BatchDeleteImage."
        )


class ImageReferencedByManifestList(ECRError):
    """The error for deleting an image before the indexes that list it."""

    code = "ImageReferencedByManifestList"

    def __init__(self, parents: Sequence[str]):
        super().__init__(f"Requested image referenced by manifest list: [{', '.join(parents)}]")
