"""Errors that only the registry protocol answers with; none is an error shape of ECR's model.

`UpstreamError` in `pull_through` is another. The JSON protocol has all but BlobInUse as failures of one image among
several, under the same codes (https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html).
"""

from __future__ import annotations

from collections.abc import Sequence

from . import ECRError, ImageNotFoundException, NamedRepository


class BlobInUse(ECRError):
    """An image refers to the blob."""

    code = "BlobInUse"

    def __init__(self, digest: str):
        super().__init__(f"The layer with digest '{digest}' is referenced by an image")


class PlaceholderImage(ImageNotFoundException):
    """An image that the JSON API lists has no manifest that could be pulled."""

    def __init__(self, digest: str, reference: str, repository: NamedRepository):
        super().__init__(digest, None, repository)
        self.reason = (
            f"{reference} is a placeholder image: PutImage accepted a text that is not its manifest, or whose layers "
            "were never uploaded, as moto does. Push the image, or delete it with BatchDeleteImage."
        )


class ImageReferencedByManifestList(ECRError):
    """An image is deleted only after the indexes that list it."""

    code = "ImageReferencedByManifestList"

    def __init__(self, parents: Sequence[str]):
        super().__init__(f"Requested image referenced by manifest list: [{', '.join(parents)}]")
