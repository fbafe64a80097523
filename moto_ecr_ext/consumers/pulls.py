"""Pulls of images for tasks, with AWS's errors.

Batch runs its jobs as ECS tasks. The texts are those of the ECS agent that resolves manifests first, as on Fargate:
https://github.com/aws/containers-roadmap/issues/2493 and
https://github.com/aws-samples/bedrock-access-gateway/issues/127.
"""

from __future__ import annotations

from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.hosts import Registry
from moto_ecr_ext.services.iam import account_principal

from .errors import ConsumerError, ImageGone, ImageUnusable
from .image_names import ImageName
from .images import NOT_FOUND, StoredImage, find_image

_CODE = "CannotPullContainerError"


class CannotPull(ConsumerError):
    """An image of this ECR does not exist, or not for the caller. The message is AWS's, with its code."""

    def __init__(self, times: int, reason: str):
        super().__init__(f"{_CODE}: pull image manifest has been retried {times} time(s): {reason}")


def image_of_task(text: str, home: Registry) -> tuple[ImageName, StoredImage] | None:
    """Return the image of a task, by default with the tag `latest`; None for an image of another registry.

    `home` is the registry of the task's account and Region. Raises CannotPull.
    """
    name = ImageName.parse(text)
    if name is None or name.registry(home) is None:
        return None
    name = name.with_default_tag()
    try:
        image = find_image(name, home, account_principal(home.account_id, home.region))
    except NOT_FOUND:
        raise CannotPull(1, f"failed to resolve ref {name.text}: {name.text}: not found") from None
    except AccessDeniedException:
        url = f"https://{name.host}/v2/{name.repository}/manifests/{name.reference}"
        raise CannotPull(
            1,
            f"failed to resolve ref {name.text}: "
            f"unexpected status from HEAD request to {url}: 403 Forbidden",
        ) from None
    assert image is not None, "the name is of this ECR and has a tag"
    return name, image


def for_platform(image: StoredImage, architecture: str) -> StoredImage:
    """Return an image, or, for an index, its image for Linux on an architecture. Raises CannotPull."""
    try:
        return image.for_architecture(architecture)
    except (ImageUnusable, ImageGone):
        platform = f"linux/{architecture}"
        raise CannotPull(
            7, f"image Manifest does not contain descriptor matching platform '{platform}'"
        ) from None
