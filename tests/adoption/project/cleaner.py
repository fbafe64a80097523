"""A job that deletes images that nobody needs."""

from __future__ import annotations

from typing import Any


def delete_untagged(ecr: Any, name: str) -> list[str]:
    """Delete the images without tags, and return their digests."""
    # Not by a filter, which moto does not have before 5.2.
    pages = ecr.get_paginator("list_images").paginate(repositoryName=name)
    image_ids = [each for page in pages for each in page["imageIds"] if not each.get("imageTag")]
    return _delete(ecr, name, image_ids)


def keep_newest(ecr: Any, name: str, count: int) -> list[str]:
    """Delete all tagged images but the newest, and return their digests."""
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=name)
    images = [each for page in pages for each in page["imageDetails"] if each.get("imageTags")]
    images.sort(key=lambda each: each["imagePushedAt"])
    old = [{"imageDigest": each["imageDigest"]} for each in images[: max(0, len(images) - count)]]
    return _delete(ecr, name, old)


def delete_tags(ecr: Any, name: str, tags: list[str], **options: str) -> int:
    """Delete tags, and return how many there were."""
    answer = ecr.batch_delete_image(
        repositoryName=name, imageIds=[{"imageTag": tag} for tag in tags], **options
    )
    return len(answer["imageIds"])


def _delete(ecr: Any, name: str, image_ids: list[dict[str, str]]) -> list[str]:
    deleted = []
    for first in range(0, len(image_ids), 100):
        some = image_ids[first : first + 100]
        answer = ecr.batch_delete_image(repositoryName=name, imageIds=some)
        deleted += [each["imageDigest"] for each in answer["imageIds"]]
    return list(dict.fromkeys(deleted))
