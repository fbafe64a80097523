"""Promote an image: copy it from one repository to another, and let a tag name it."""

from __future__ import annotations

from typing import Any

import boto3

from moto_ecr_ext.testing import pull, push


def promote(source: str, target: str, version: str, *, ecr: Any = None) -> str:
    """Copy a version of a repository to another one, as `stable` too, and return its digest."""
    ecr = ecr or boto3.client("ecr", region_name="us-east-1")
    image = pull(ecr, source, version)
    for tag in (version, "stable"):
        push(ecr, target, image, tag=tag)
    return image.digest
