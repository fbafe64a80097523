"""ListImages. Filters, tokens and page sizes are in `test_describe_images`."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.testing import build_image, push
from support.refusals import no_repository, refusal

IMAGES = [build_image(seed=number, layers=1) for number in range(3)]


def test_an_entry_for_each_tag_and_each_untagged_image(ecr: Any, repository_name: str) -> None:
    """Each tag and each untagged image has an entry, in the order of push; tags have the order in which they were
    given.
    """
    push(ecr, repository_name, IMAGES[0], tag="v2")
    push(ecr, repository_name, IMAGES[1])
    push(ecr, repository_name, IMAGES[2], tag="v3")
    push(ecr, repository_name, IMAGES[0], tag="v1")
    answer = ecr.list_images(repositoryName=repository_name)
    assert "nextToken" not in answer
    assert answer["imageIds"] == [
        {"imageDigest": IMAGES[0].digest, "imageTag": "v2"},
        {"imageDigest": IMAGES[0].digest, "imageTag": "v1"},
        {"imageDigest": IMAGES[1].digest},
        {"imageDigest": IMAGES[2].digest, "imageTag": "v3"},
    ]


def test_an_empty_repository(ecr: Any, repository_name: str) -> None:
    """An empty repository has an empty list."""
    assert ecr.list_images(repositoryName=repository_name)["imageIds"] == []


def test_pages_count_entries(ecr: Any, repository_name: str) -> None:
    """A page may end between two tags of one image."""
    for number in range(5):
        push(ecr, repository_name, IMAGES[0], tag=f"v{number}")
    push(ecr, repository_name, IMAGES[1])
    push(ecr, repository_name, IMAGES[2], tag="v9")
    pages = ecr.get_paginator("list_images").paginate(
        repositoryName=repository_name, PaginationConfig={"PageSize": 2}
    )
    found = [[each.get("imageTag") for each in page["imageIds"]] for page in pages]
    assert found == [["v0", "v1"], ["v2", "v3"], ["v4", None], ["v9"]]


def test_a_page_has_a_hundred_entries(ecr: Any, repository_name: str) -> None:
    """`maxResults` changes the size of a page, up to a thousand."""
    request = {"repositoryName": repository_name, "imageManifest": IMAGES[0].manifest.decode()}
    for number in range(101):
        ecr.put_image(imageTag=f"v{number}", **request)
    answer = ecr.list_images(repositoryName=repository_name)
    assert len(answer["imageIds"]) == 100
    rest = ecr.list_images(repositoryName=repository_name, nextToken=answer["nextToken"])
    assert [each["imageTag"] for each in rest["imageIds"]] == ["v100"]
    assert "nextToken" not in rest
    assert len(ecr.list_images(repositoryName=repository_name, maxResults=1000)["imageIds"]) == 101


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A repository that does not exist is refused by its name."""
    assert refusal(ecr.list_images, repositoryName="team/app") == no_repository("team/app")
