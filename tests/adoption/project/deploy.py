"""A script that releases images and promotes them from one stage to the next."""

from __future__ import annotations

import json
from typing import Any


def ensure_repository(ecr: Any, name: str) -> str:
    """Return the URI of a repository, which is made if it is missing."""
    try:
        found = ecr.describe_repositories(repositoryNames=[name])["repositories"]
    except ecr.exceptions.RepositoryNotFoundException:
        return ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    return found[0]["repositoryUri"]


def release(ecr: Any, name: str, manifest: dict[str, Any], tag: str, **options: str) -> str:
    """Put an image and return its digest."""
    image = ecr.put_image(
        repositoryName=name, imageManifest=json.dumps(manifest), imageTag=tag, **options
    )
    return image["image"]["imageId"]["imageDigest"]


def promote(ecr: Any, name: str, tag: str, stage: str) -> str:
    """Give the image of a tag the tag of a stage, and return its digest."""
    images = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])["images"]
    if not images:
        raise LookupError(f"{name}:{tag}")
    ecr.put_image(repositoryName=name, imageManifest=images[0]["imageManifest"], imageTag=stage)
    return images[0]["imageId"]["imageDigest"]


def deployed_digest(ecr: Any, name: str, stage: str) -> str:
    """Return the digest of the image that a stage has."""
    found = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": stage}])
    return found["imageDetails"][0]["imageDigest"]
