"""Which tags may move: PutImageTagMutability, and what PutImage does with each mutability.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
"""

from __future__ import annotations

from typing import Any

import pytest

from moto_ecr_ext.testing import Image, build_image
from support.constants import ACCOUNT
from support.refusals import Refusal, invalid, refusal, refused
from support.stored import everything_stored

FIELD = "imageTagMutabilityExclusionFilters"
NOT_ALLOWED, MISSING = "are not allowed", "can't be null"
IMAGES = [build_image(seed=number, layers=1) for number in range(3)]


def filters(*values: str) -> list[dict[str, str]]:
    """Exclusion filters as requests have them."""
    return [{"filterType": "WILDCARD", "filter": value} for value in values]


def put(ecr: Any, image: Image, tag: str | None = None) -> None:
    """Put a manifest; the layers are not looked at here."""
    ecr.put_image(
        repositoryName="team/app",
        imageManifest=image.manifest.decode(),
        **({"imageTag": tag} if tag else {}),
    )


def tagged(ecr: Any) -> dict[str, str]:
    """The digest under every tag."""
    return {
        image["imageTag"]: image["imageDigest"]
        for image in ecr.list_images(repositoryName="team/app")["imageIds"]
        if "imageTag" in image
    }


def test_the_answer_says_all_that_was_set(ecr: Any, repository_name: str) -> None:
    """The answer has all filters that were set; a mutability without filters drops them."""
    answer = ecr.put_image_tag_mutability(
        repositoryName=repository_name,
        imageTagMutability="MUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters("v*", "latest"),
    )
    del answer["ResponseMetadata"]
    assert answer == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageTagMutability": "MUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters("v*", "latest"),
    }
    [shown] = ecr.describe_repositories()["repositories"]
    assert shown["imageTagMutabilityExclusionFilters"] == filters("v*", "latest")
    for _ in range(2):
        answer = ecr.put_image_tag_mutability(
            repositoryName=repository_name, imageTagMutability="IMMUTABLE"
        )
        assert answer["imageTagMutability"] == "IMMUTABLE"
        assert FIELD not in answer
    [shown] = ecr.describe_repositories()["repositories"]
    assert FIELD not in shown


@pytest.mark.parametrize(
    ("mutability", "given", "constraint"),
    [
        pytest.param(
            mutability,
            given,
            f"ImageTagMutabilityExclusionFilters {NOT_ALLOWED if given else MISSING} "
            f"when imageTagMutability is set as {mutability}",
            id=f"{mutability}-{'filters' if given else 'none'}",
        )
        for mutability, given in (
            ("MUTABLE", filters("v*")),
            ("IMMUTABLE", filters("v*")),
            ("MUTABLE_WITH_EXCLUSION", None),
            ("IMMUTABLE_WITH_EXCLUSION", None),
        )
    ]
    + [
        pytest.param(
            "IMMUTABLE_WITH_EXCLUSION",
            filters("*-*-*"),
            "Image tag mutability exclusion filter can contain a maximum of 2 wildcards (*)",
            id="three wildcards",
        ),
        pytest.param(
            "IMMUTABLE_WITH_EXCLUSION",
            filters(*"abcdef"),
            "Member must have length less than or equal to 5",
            id="six filters",
        ),
    ],
)
def test_filters_that_ecr_does_not_take(
    ecr: Any,
    repository_name: str,
    mutability: str,
    given: list[dict[str, str]] | None,
    constraint: str,
) -> None:
    """Filters need a mutability with exclusion, and it needs filters; also at CreateRepository."""
    before = everything_stored()
    request = {"imageTagMutability": mutability, **({FIELD: given} if given else {})}
    expected = invalid(FIELD, constraint)
    assert (
        refusal(ecr.put_image_tag_mutability, repositoryName=repository_name, **request) == expected
    )
    assert refusal(ecr.create_repository, repositoryName="other", **request) == expected
    assert everything_stored() == before


def test_a_mutable_tag_moves(ecr: Any, repository_name: str) -> None:
    """A mutable tag moves; the image that had it stays, untagged."""
    put(ecr, IMAGES[0], "latest")
    put(ecr, IMAGES[1], "latest")
    assert tagged(ecr) == {"latest": IMAGES[1].digest}
    details = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert [(each["imageDigest"], each.get("imageTags")) for each in details] == [
        (IMAGES[0].digest, None),
        (IMAGES[1].digest, ["latest"]),
    ]


def test_an_immutable_tag_stays(ecr: Any, repository_name: str) -> None:
    """A refused push of an immutable tag stores nothing."""
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="IMMUTABLE")
    put(ecr, IMAGES[0], "v1")
    before = everything_stored()
    error = refused(
        ecr.put_image,
        repositoryName=repository_name,
        imageManifest=IMAGES[1].manifest.decode(),
        imageTag="v1",
    )
    assert error.response["Error"]["Message"] == (
        "The image tag 'v1' already exists in the 'team/app' repository "
        "and cannot be overwritten because the tag is immutable."
    )
    assert everything_stored() == before


def test_an_immutable_repository_takes_new_tags(ecr: Any, repository_name: str) -> None:
    """An immutable repository accepts further tags of an image, and images without tags."""
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="IMMUTABLE")
    put(ecr, IMAGES[0], "v1")
    put(ecr, IMAGES[0], "v2")
    put(ecr, IMAGES[1])
    assert tagged(ecr) == {"v1": IMAGES[0].digest, "v2": IMAGES[0].digest}
    assert len(ecr.describe_images(repositoryName=repository_name)["imageDetails"]) == 2


@pytest.mark.parametrize("mutability", ["MUTABLE", "IMMUTABLE"])
def test_the_same_tag_on_the_same_image_is_there_already(
    ecr: Any, repository_name: str, mutability: str
) -> None:
    """The same tag on the same image is refused with ImageAlreadyExistsException, AWS's class, in every mode."""
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability=mutability)
    put(ecr, IMAGES[0], "v1")
    assert refusal(
        ecr.put_image,
        repositoryName=repository_name,
        imageManifest=IMAGES[0].manifest.decode(),
        imageTag="v1",
    ) == Refusal(
        "ImageAlreadyExistsException",
        f"Image with digest '{IMAGES[0].digest}' and tag 'v1' already exists in the repository "
        "with name 'team/app' in registry with id '123456789012'",
    )


def test_a_deleted_tag_may_be_used_again(ecr: Any, repository_name: str) -> None:
    """BatchDeleteImage removes a tag of either mutability, which can then be used again."""
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="IMMUTABLE")
    put(ecr, IMAGES[0], "v1")
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    put(ecr, IMAGES[1], "v1")
    assert tagged(ecr) == {"v1": IMAGES[1].digest}


def test_mutability_counts_at_the_push(ecr: Any, repository_name: str) -> None:
    """A tag is bound by the mutability at the time of the push, not by that of its first push."""
    put(ecr, IMAGES[0], "v1")
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="IMMUTABLE")
    request = {
        "repositoryName": repository_name,
        "imageManifest": IMAGES[1].manifest.decode(),
        "imageTag": "v1",
    }
    refused(ecr.put_image, **request)
    ecr.put_image_tag_mutability(repositoryName=repository_name, imageTagMutability="MUTABLE")
    ecr.put_image(**request)
    assert tagged(ecr) == {"v1": IMAGES[1].digest}


MATCHES = [
    pytest.param("latest", "latest", True, id="the whole tag"),
    pytest.param("latest", "latest-1", False, id="longer tag"),
    pytest.param("latest", "Latest", False, id="another case"),
    pytest.param("release-*", "release-", True, id="nothing for the wildcard"),
    pytest.param("release-*", "release-1.0", True, id="prefix"),
    pytest.param("release-*", "prerelease-1.0", False, id="prefix in the middle"),
    pytest.param("*-dev", "v1-dev", True, id="suffix"),
    pytest.param("*-dev", "v1-dev2", False, id="suffix in the middle"),
    pytest.param("*rc*", "v1rc2", True, id="infix"),
    pytest.param("v1.0", "v1x0", False, id="a dot is a dot"),
    pytest.param("v.*", "v1", False, id="not a regular expression"),
]


@pytest.mark.parametrize(("pattern", "tag", "matches"), MATCHES)
@pytest.mark.parametrize("mode", ["MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"])
def test_exclusion_filters(
    ecr: Any, repository_name: str, mode: str, pattern: str, tag: str, matches: bool
) -> None:
    """Tags that match a filter are exceptions to the mode; `*` matches any text, everything else itself."""
    ecr.put_image_tag_mutability(
        repositoryName=repository_name,
        imageTagMutability=mode,
        imageTagMutabilityExclusionFilters=filters("other", pattern),
    )
    put(ecr, IMAGES[0], tag)
    put(ecr, IMAGES[2])
    if (mode == "MUTABLE_WITH_EXCLUSION") == matches:
        error = refused(
            ecr.put_image,
            repositoryName=repository_name,
            imageManifest=IMAGES[1].manifest.decode(),
            imageTag=tag,
        )
        assert isinstance(error, ecr.exceptions.ImageTagAlreadyExistsException)
        assert tagged(ecr) == {tag: IMAGES[0].digest}
    else:
        put(ecr, IMAGES[1], tag)
        assert tagged(ecr) == {tag: IMAGES[1].digest}
