"""Delete the builds of a repository that no environment runs any more."""

from __future__ import annotations

import sys
from typing import Any

import boto3

# A digest that one of these tags has is in use. All of its other tags stay too.
ENVIRONMENTS = ("production", "staging")


def retire(repository: str, keep: int) -> list[str]:
    """Delete all images but those in use and the `keep` newest ones, and return their digests."""
    ecr = boto3.client("ecr")
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=repository)
    images = [image for page in pages for image in page["imageDetails"]]
    images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
    unused = [image for image in images if not _is_used(image)]
    old = [image["imageDigest"] for image in unused[keep:]]
    for first in range(0, len(old), 100):
        answer = ecr.batch_delete_image(
            repositoryName=repository,
            imageIds=[{"imageDigest": digest} for digest in old[first : first + 100]],
        )
        if answer["failures"]:
            raise SystemExit(f"ECR kept some images: {answer['failures']}")
    return old


def _is_used(image: dict[str, Any]) -> bool:
    return not set(ENVIRONMENTS).isdisjoint(image.get("imageTags", ()))


if __name__ == "__main__":
    for digest in retire(sys.argv[1], int(sys.argv[2])):
        print(digest)
