"""A repository for each test, and a way to push builds to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from moto_ecr_ext.testing import build_image, push


@pytest.fixture
def ecr(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        ecr = boto3.client("ecr")
        ecr.create_repository(repositoryName="team/app")
        yield ecr


@pytest.fixture
def build(ecr: Any) -> Callable[..., str]:
    """Push the image of a build under some tags, and return its digest."""

    def build(number: int, *tags: str) -> str:
        image = build_image(seed=number)
        for tag in (f"build-{number}", *tags):
            push(ecr, "team/app", image, tag=tag)
        return image.digest

    return build
