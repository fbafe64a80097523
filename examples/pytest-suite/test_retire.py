"""The builds that `retire` deletes, and those that it must keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retire import retire


def tags(ecr: Any) -> set[str]:
    """Return the remaining tags."""
    pages = ecr.get_paginator("list_images").paginate(repositoryName="team/app")
    return {image["imageTag"] for page in pages for image in page["imageIds"]}


def test_the_oldest_builds_go(ecr: Any, build: Callable[..., str]) -> None:
    digests = [build(number) for number in range(5)]

    assert sorted(retire("team/app", keep=2)) == sorted(digests[:3])
    assert tags(ecr) == {"build-3", "build-4"}


def test_what_production_runs_stays(ecr: Any, build: Callable[..., str]) -> None:
    build(1, "production")
    build(2)

    retire("team/app", keep=0)

    assert tags(ecr) == {"build-1", "production"}


def test_many_builds_need_many_pages(ecr: Any, build: Callable[..., str]) -> None:
    for number in range(230):
        build(number)

    assert len(retire("team/app", keep=10)) == 220
    assert len(tags(ecr)) == 10


def test_a_second_run_deletes_nothing(build: Callable[..., str]) -> None:
    build(1)
    build(2)

    assert len(retire("team/app", keep=1)) == 1
    assert retire("team/app", keep=1) == []
