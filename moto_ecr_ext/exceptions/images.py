"""Errors of images and their tags."""

from __future__ import annotations

from .base import ECRError, NamedRepository, in_registry
from .parameters import InvalidParameterException


def image_id_text(digest: str | None, tag: str | None) -> str:
    """Return an image identifier in the form of ECR's messages. A missing part is the word null."""
    return f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"


class ImageNotFoundException(ECRError):
    def __init__(self, digest: str | None, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"The image with imageId {image_id_text(digest, tag)} does not exist within the "
            f"{in_registry(repository)}"
        )


class ImageAlreadyExistsException(ECRError):
    def __init__(self, digest: str, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the "
            f"{in_registry(repository, article='')}"
        )


class ImageTagAlreadyExistsException(ECRError):
    def __init__(self, tag: str, repository_name: str):
        super().__init__(
            f"The image tag '{tag}' already exists in the '{repository_name}' repository "
            "and cannot be overwritten because the tag is immutable."
        )


class ImageDigestDoesNotMatchException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The image with digest '{digest}' in repository '{repository.repository_name}' and registry ID "
            f"'{repository.registry_id}' does not match the image digest that Amazon ECR has calculated."
        )


class ReferencedImagesNotFoundException(ECRError):
    def __init__(self, digests: list[str], repository: NamedRepository):
        super().__init__(
            f"Images with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{in_registry(repository)} do not exist"
        )


class InvalidManifest(InvalidParameterException):
    """A manifest that ECR does not accept. ECR gives no reason; `reason` and the path of the `member` do."""

    def __init__(self, member: str, reason: str):
        super().__init__(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        )
        self.member = member
        self.reason = reason


class ImageStorageClassUpdateNotSupportedException(ECRError):
    message = "The requested image storage class update is not supported."
