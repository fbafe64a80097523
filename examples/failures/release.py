"""Release a build: find its image, scan it, and give it the tag `released`."""

from __future__ import annotations

from typing import Any

ATTEMPTS = 3


class NotReleased(Exception):
    """The reason why a build was not released."""


def find_manifest(ecr: Any, repository: str, tag: str) -> str:
    """Return the manifest of an image, which ECR may find a little later than it was pushed."""
    for _ in range(ATTEMPTS):
        answer = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
        if answer["images"]:
            return str(answer["images"][0]["imageManifest"])
    raise NotReleased(f"there is no image {tag}")


def release(ecr: Any, repository: str, tag: str) -> None:
    """Release a build whose scan succeeds. Raises NotReleased, and then changes nothing."""
    manifest = find_manifest(ecr, repository, tag)
    image = {"repositoryName": repository, "imageId": {"imageTag": tag}}
    ecr.start_image_scan(**image)
    status = ecr.describe_image_scan_findings(**image)["imageScanStatus"]
    if status["status"] != "COMPLETE":
        raise NotReleased(f"the scan ended with {status['status']}: {status['description']}")
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag="released")
