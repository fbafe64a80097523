"""Pulls of images for tasks, with AWS's errors.

Batch runs its jobs as ECS tasks. On Fargate the agent pulls, on instances of EC2 their docker daemon does.
"""

from __future__ import annotations

from typing import Protocol

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.distribution.dialects import ECR
from moto_ecr_ext.distribution.errors import registry_error
from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.moto_services.iam import account_principal

from .errors import ConsumerError, ImageGone, ImageUnusable
from .image_names import ImageName
from .images import NOT_FOUND, RegistryImage, find_image


class CannotPull(ConsumerError):
    """An image of this ECR does not exist, or not for the caller. The message is AWS's, with its code."""


class Puller(Protocol):
    """The program that pulls the images of a task, by its errors."""

    def refused(self, name: ImageName, error: ECRError) -> CannotPull:
        """Return the error for an image that the registry does not return."""
        ...

    def no_image_for(self, platform: str) -> CannotPull:
        """Return the error for an index without an image for a platform, such as `linux/amd64`."""
        ...


class _Fargate:
    """The agent, which resolves manifests first.

    https://github.com/aws/containers-roadmap/issues/2493 and
    https://github.com/aws-samples/bedrock-access-gateway/issues/127
    """

    def refused(self, name: ImageName, error: ECRError) -> CannotPull:
        if isinstance(error, AccessDeniedException):
            url = f"https://{name.host}/v2/{name.repository}/manifests/{name.reference}"
            reason = f"unexpected status from HEAD request to {url}: 403 Forbidden"
        else:
            reason = f"{name.text}: not found"
        return self._retried(1, f"failed to resolve ref {name.text}: {reason}")

    def no_image_for(self, platform: str) -> CannotPull:
        return self._retried(
            7, f"image Manifest does not contain descriptor matching platform '{platform}'"
        )

    def _retried(self, times: int, reason: str) -> CannotPull:
        return CannotPull(
            f"CannotPullContainerError: pull image manifest has been retried {times} time(s): {reason}"
        )


class _Daemon:
    """The docker daemon of an instance. Its errors begin with the registry's code."""

    def refused(self, name: ImageName, error: ECRError) -> CannotPull:
        found = registry_error(error, ECR)
        code = found.code.lower().replace("_", " ")
        return CannotPull(
            f"CannotPullImageManifestError: Error response from daemon: {code}: {found.message}"
        )

    def no_image_for(self, platform: str) -> CannotPull:
        return CannotPull(
            "CannotPullContainerError: Error response from daemon: "
            f"no matching manifest for {platform} in the manifest list entries"
        )


FARGATE: Puller = _Fargate()
DAEMON: Puller = _Daemon()


def image_of_task(
    text: str, home: Registry, puller: Puller
) -> tuple[ImageName, RegistryImage] | None:
    """Return the image of a task, by default with the tag `latest`; None for an image of another registry.

    `home` is the registry of the task's account and Region. Raises CannotPull.
    """
    name = ImageName.parse(text)
    if name is None or name.registry(home) is None:
        return None
    name = name.with_default_tag()
    try:
        image = find_image(name, home, account_principal(home.account_id, home.region))
    except (*NOT_FOUND, AccessDeniedException) as error:
        raise puller.refused(name, error) from None
    assert image is not None, "the name is of this ECR and has a tag"
    return name, image


def for_platform(image: RegistryImage, architecture: str, puller: Puller) -> RegistryImage:
    """Return an image, or, for an index, its image for Linux on an architecture. Raises CannotPull."""
    try:
        return image.for_architecture(architecture)
    except (ImageUnusable, ImageGone):
        raise puller.no_image_for(f"linux/{architecture}") from None
