"""What a release does when ECR fails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws
from release import NotReleased, release

from moto_ecr_ext.testing import build_image, faults, push

NAME = "team/app"


@pytest.fixture
def ecr() -> Iterator[Any]:
    config = Config(retries={"mode": "standard", "total_max_attempts": 3})
    with mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1", config=config)
        ecr.create_repository(repositoryName=NAME)
        yield ecr


@pytest.fixture
def build(ecr: Any) -> str:
    """The tag of a build that was pushed."""
    push(ecr, NAME, build_image(), tag="build-1")
    return "build-1"


def tags(ecr: Any) -> set[str]:
    return {each["imageTag"] for each in ecr.list_images(repositoryName=NAME)["imageIds"]}


def test_throttled_twice(ecr: Any, build: str) -> None:
    """botocore repeats the call."""
    with faults.throttle("PutImage", times=2) as fault:
        release(ecr, NAME, build)
    assert [each.tags for each in fault.strikes] == [("released",), ("released",)]
    assert tags(ecr) == {"build-1", "released"}


@faults.throttle("PutImage")
def test_throttled_for_good(ecr: Any, build: str) -> None:
    with pytest.raises(ClientError, match="Rate exceeded"):
        release(ecr, NAME, build)
    assert tags(ecr) == {"build-1"}


@pytest.mark.parametrize("fail", [faults.scan_fails, faults.scan_limit])
def test_without_a_scan(ecr: Any, build: str, fail: Any) -> None:
    """A build whose scan fails is not released."""
    with fail(repository=NAME), pytest.raises(NotReleased, match="the scan ended with"):
        release(ecr, NAME, build)
    assert tags(ecr) == {"build-1"}


@faults.eventual(calls=2)
def test_an_image_that_is_found_late(ecr: Any) -> None:
    push(ecr, NAME, build_image(seed=2), tag="build-2")
    release(ecr, NAME, "build-2")
    assert "released" in tags(ecr)


def test_a_lost_connection(ecr: Any, build: str) -> None:
    """A call whose answer is lost is repeated."""
    with faults.cut("BatchGetImage", times=1) as fault:
        release(ecr, NAME, build)
    assert fault.count == 1


def test_someone_elses_images(ecr: Any, build: str) -> None:
    """Faults can be limited to repositories, tags, principals, accounts and Regions."""
    with faults.fail("*", error="AccessDeniedException", repository="other/*") as fault:
        release(ecr, NAME, build)
    assert not fault.strikes
