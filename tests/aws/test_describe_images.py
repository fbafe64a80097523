"""DescribeImages: what is said of an image, which images, in which pages."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    Index,
    build_artifact,
    build_image,
    build_index,
    build_layer,
    push,
)
from support.constants import ABSENT_DIGEST, ACCOUNT
from support.refusals import Refusal, invalid, no_image, no_repository, refusal, refused

IMAGE = build_image(layers=1)


def describe(ecr: Any, **request: Any) -> list[dict[str, Any]]:
    """The details of images; there must be no further page."""
    answer = ecr.describe_images(repositoryName="team/app", **request)
    assert "nextToken" not in answer
    details: list[dict[str, Any]] = answer["imageDetails"]
    return details


def put_numbered(ecr: Any, count: int) -> list[str]:
    """The digests of that many new images, in the order of push."""
    digests = []
    document = json.loads(IMAGE.manifest)
    for number in range(count):
        document["annotations"] = {"number": str(number)}
        answer = ecr.put_image(repositoryName="team/app", imageManifest=json.dumps(document))
        digests.append(answer["image"]["imageId"]["imageDigest"])
    return digests


def test_all_that_is_said_of_an_image(ecr: Any, repository_name: str) -> None:
    """An image has one entry with all tags, in the order in which it got them."""
    for tag in ("v2", "v1"):
        push(ecr, repository_name, IMAGE, tag=tag)
    [detail] = describe(ecr)
    assert detail.pop("imagePushedAt")
    assert detail == {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageDigest": IMAGE.digest,
        "imageTags": ["v2", "v1"],
        "imageSizeInBytes": IMAGE.config.size + IMAGE.layers[0].size,
        "imageManifestMediaType": OCI.manifest,
        "artifactMediaType": OCI.config,
        "imageStatus": "ACTIVE",
    }


def test_an_untagged_image_has_no_tags(ecr: Any, repository_name: str) -> None:
    """The entry of an untagged image omits `imageTags`."""
    push(ecr, repository_name, IMAGE)
    [detail] = describe(ecr)
    assert "imageTags" not in detail


SHARED = build_layer(seed="shared", size=5000)
SMALL, LARGE = build_image(layers=[SHARED]), build_image(layers=[SHARED, SHARED, build_layer()])
SBOM = build_artifact(artifact_type="application/x.sbom", subject=IMAGE, content=b"content")


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(
            build_image(layers=2, media_types=DOCKER),
            {"artifactMediaType": DOCKER.config, "imageManifestMediaType": DOCKER.manifest},
            id="docker",
        ),
        pytest.param(
            LARGE,
            {
                "imageSizeInBytes": LARGE.config.size + SHARED.size + LARGE.layers[2].size,
            },
            id="a layer that is listed twice is there once",
        ),
        pytest.param(
            build_index([SMALL, LARGE]),
            {
                "imageSizeInBytes": LARGE.config.size + SHARED.size + LARGE.layers[2].size,
                "artifactMediaType": None,
                "imageManifestMediaType": OCI.index,
            },
            id="an index is as large as its largest image",
        ),
        pytest.param(
            SBOM,
            {
                "imageSizeInBytes": len(b"{}") + len(b"content"),
                "artifactMediaType": "application/x.sbom",
                "subjectManifestDigest": IMAGE.digest,
            },
            id="artifact",
        ),
    ],
)
def test_kinds_of_images(
    ecr: Any, repository_name: str, image: Image | Index, expected: dict[str, Any]
) -> None:
    """Sizes are the sum of the manifest's descriptors; types are the manifest's and its config's."""
    push(ecr, repository_name, image, tag="v1")
    [detail] = describe(ecr, imageIds=[{"imageTag": "v1"}])
    assert {name: detail.get(name) for name in expected} == expected


def test_named_images_come_in_the_order_asked_for(ecr: Any, repository_name: str) -> None:
    """Named images are returned in the order of the request, each once, by tag or digest."""
    digests = put_numbered(ecr, 4)
    push(ecr, repository_name, IMAGE, tag="v1")
    details = describe(
        ecr,
        imageIds=[
            {"imageDigest": digests[2]},
            {"imageTag": "v1"},
            {"imageDigest": digests[0]},
            {"imageDigest": IMAGE.digest},
            {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        ],
    )
    assert [each["imageDigest"] for each in details] == [digests[2], IMAGE.digest, digests[0]]


@pytest.mark.parametrize(
    ("image_id", "expected"),
    [
        ({"imageTag": "v2"}, no_image("team/app", tag="v2")),
        ({"imageDigest": ABSENT_DIGEST}, no_image("team/app", digest=ABSENT_DIGEST)),
        (
            {"imageDigest": ABSENT_DIGEST, "imageTag": "v1"},
            no_image("team/app", ABSENT_DIGEST, "v1"),
        ),
        ({"imageDigest": IMAGE.digest, "imageTag": "v2"}, no_image("team/app", IMAGE.digest, "v2")),
        ({"imageDigest": "sha256:\0"}, no_image("team/app", digest="sha256:\0")),
        ({}, no_image("team/app")),
    ],
)
def test_every_named_image_must_be_there(
    ecr: Any, repository_name: str, image_id: dict[str, str], expected: Refusal
) -> None:
    """The call fails with the first named image that does not exist."""
    push(ecr, repository_name, IMAGE, tag="v1")
    image_ids = [{"imageTag": "v1"}, image_id, {"imageTag": "v9"}]
    assert (
        refusal(ecr.describe_images, repositoryName=repository_name, imageIds=image_ids) == expected
    )


@pytest.mark.parametrize(
    "paging", [{"maxResults": 1}, {"nextToken": "x"}], ids=["maxResults", "nextToken"]
)
def test_names_and_pages_exclude_each_other(
    ecr: Any, repository_name: str, paging: dict[str, Any]
) -> None:
    """Names and parameters of pages are refused together:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    image_ids = [{"imageDigest": ABSENT_DIGEST}]
    error = refusal(
        ecr.describe_images, repositoryName=repository_name, imageIds=image_ids, **paging
    )
    assert error == invalid(next(iter(paging)), "Must not be specified together with imageIds")


def test_images_are_listed_in_the_order_of_push(ecr: Any, repository_name: str) -> None:
    """Images are listed in the order of push, in pages of the requested size; the last page has no token."""
    digests = put_numbered(ecr, 7)
    pages, token = [], {}
    while True:
        answer = ecr.describe_images(repositoryName=repository_name, maxResults=3, **token)
        pages.append([each["imageDigest"] for each in answer["imageDetails"]])
        if "nextToken" not in answer:
            break
        token = {"nextToken": answer["nextToken"]}
    assert pages == [digests[:3], digests[3:6], digests[6:]]


def test_each_page_has_the_tags_of_its_images(ecr: Any, repository_name: str) -> None:
    """All of them, those of its last image too."""
    for number, digest in enumerate(put_numbered(ecr, 4)):
        [image] = ecr.batch_get_image(
            repositoryName=repository_name, imageIds=[{"imageDigest": digest}]
        )["images"]
        ecr.put_image(
            repositoryName=repository_name,
            imageManifest=image["imageManifest"],
            imageTag=f"v{number}",
        )
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository_name, PaginationConfig={"PageSize": 2}
    )
    assert [[each["imageTags"] for each in page["imageDetails"]] for page in pages] == [
        [["v0"], ["v1"]],
        [["v2"], ["v3"]],
    ]


def test_a_page_has_a_hundred_images(ecr: Any, repository_name: str) -> None:
    """`maxResults` changes the size of a page, up to a thousand; botocore's paginator returns all images."""
    digests = put_numbered(ecr, 101)
    answer = ecr.describe_images(repositoryName=repository_name)
    assert len(answer["imageDetails"]) == 100
    assert len(describe(ecr, maxResults=1000)) == 101
    pages = ecr.get_paginator("describe_images").paginate(repositoryName=repository_name)
    found = pages.build_full_result()["imageDetails"]
    assert [each["imageDigest"] for each in found] == digests


def test_pages_go_on_where_images_were_deleted_or_pushed(ecr: Any, repository_name: str) -> None:
    """Pages list no image twice, and miss none that exists all the time, whatever is pushed or deleted meanwhile."""
    digests = put_numbered(ecr, 4)
    first = ecr.describe_images(repositoryName=repository_name, maxResults=2)
    ecr.batch_delete_image(
        repositoryName=repository_name,
        imageIds=[{"imageDigest": digests[1]}, {"imageDigest": digests[2]}],
    )
    push(ecr, repository_name, IMAGE)
    second = describe(ecr, nextToken=first["nextToken"])
    assert [each["imageDigest"] for each in second] == [digests[3], IMAGE.digest]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({}, "tagged untagged"),
        ({"tagStatus": "ANY"}, "tagged untagged"),
        ({"tagStatus": "TAGGED"}, "tagged"),
        ({"tagStatus": "UNTAGGED"}, "untagged"),
        ({"imageStatus": "ACTIVE"}, "tagged untagged"),
        ({"imageStatus": "ANY", "tagStatus": "TAGGED"}, "tagged"),
        ({"imageStatus": "ARCHIVED"}, ""),
        ({"imageStatus": "ACTIVATING"}, ""),
    ],
)
@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_filters(
    ecr: Any, repository_name: str, operation: str, wanted: dict[str, str], expected: str
) -> None:
    """An image without tags that had one counts as untagged."""
    images = {"untagged": build_image(seed=2, layers=1), "tagged": build_image(layers=1)}
    for image in images.values():
        push(ecr, repository_name, image, tag="v1")
    answer = getattr(ecr, operation)(repositoryName=repository_name, filter=wanted)
    found = {each["imageDigest"] for each in answer.get("imageDetails", answer.get("imageIds"))}
    assert found == {images[name].digest for name in expected.split()}


def test_pages_of_a_filter(ecr: Any, repository_name: str) -> None:
    """Pages count the images that the filter selects."""
    digests = put_numbered(ecr, 6)
    manifests = ecr.batch_get_image(
        repositoryName=repository_name, imageIds=[{"imageDigest": each} for each in digests[::2]]
    )["images"]
    for number, image in enumerate(manifests):
        ecr.put_image(
            repositoryName=repository_name,
            imageManifest=image["imageManifest"],
            imageTag=f"v{number}",
        )
    pages = ecr.get_paginator("describe_images").paginate(
        repositoryName=repository_name,
        filter={"tagStatus": "TAGGED"},
        PaginationConfig={"PageSize": 2},
    )
    found = [[each["imageDigest"] for each in page["imageDetails"]] for page in pages]
    assert found == [[digests[0], digests[2]], [digests[4]]]


def forged(*content: object) -> str:
    """A token of this package's form, with content that no real one has."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="empty"),
        pytest.param("garbage", id="garbage"),
        pytest.param("é", id="not ASCII"),
        pytest.param("bm90IEpTT04=", id="not JSON"),
        pytest.param("\0", id="NUL"),
        pytest.param(forged("DescribeImages/1", [2**70]), id="position beyond all"),
        pytest.param(forged("ListImages/1", [2**70, 0]), id="position beyond all of ListImages"),
        pytest.param(forged("DescribeImages/1", [-1]), id="position before all"),
        pytest.param(forged("DescribeImages/1", ["1"]), id="position is a text"),
        pytest.param(forged("DescribeImages/1", [True]), id="position is a boolean"),
        pytest.param(forged("DescribeImages/1", []), id="no position"),
    ],
)
@pytest.mark.parametrize("operation", ["describe_images", "list_images"])
def test_tokens_that_were_never_returned(
    ecr: Any, repository_name: str, operation: str, token: str
) -> None:
    """Tokens that ECR did not return have one refusal: the project's code, AWS's class."""
    error = refused(getattr(ecr, operation), repositoryName=repository_name, nextToken=token)
    assert isinstance(error, ecr.exceptions.InvalidParameterException)
    assert error.response["Error"]["Code"] == "InvalidContinuationTokenException"


def test_a_token_is_good_for_its_listing(ecr: Any, repository_name: str) -> None:
    """A token is refused by another operation and for another repository."""
    put_numbered(ecr, 2)
    ecr.create_repository(repositoryName="other")
    describing = ecr.describe_images(repositoryName=repository_name, maxResults=1)["nextToken"]
    listing = ecr.list_images(repositoryName=repository_name, maxResults=1)["nextToken"]
    for call, name, token in (
        (ecr.describe_images, repository_name, listing),
        (ecr.describe_images, "other", describing),
        (ecr.list_images, repository_name, describing),
        (ecr.list_images, "other", listing),
    ):
        error = refusal(call, repositoryName=name, nextToken=token)
        assert error.code == "InvalidContinuationTokenException"


@pytest.mark.parametrize(
    ("number", "bound"), [(0, "greater than or equal to 1"), (1001, "less than or equal to 1000")]
)
def test_the_size_of_pages(raw: Any, repository_name: str, number: int, bound: str) -> None:
    """A page can have 1 to 1000 images; other sizes are refused."""
    request = {"repositoryName": repository_name, "maxResults": number}
    for operation in ("DescribeImages", "ListImages", "DescribeRepositories"):
        assert raw.send(operation, request).refusal == invalid(
            "maxResults", f"Member must have value {bound}"
        )


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A missing repository is reported before images and tokens are checked."""
    assert refusal(ecr.describe_images, repositoryName="team/app") == no_repository("team/app")
    assert refusal(
        ecr.describe_images, repositoryName="team/app", imageIds=[{"imageTag": "v1"}]
    ) == no_repository("team/app")
