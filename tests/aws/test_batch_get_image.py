"""BatchGetImage: manifests, their forms, and the reasons for failures."""

from __future__ import annotations

import hashlib
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
)
from support.constants import ABSENT_DIGEST, ACCOUNT
from support.refusals import no_repository, refusal

IMAGE = build_image(layers=1)
OTHER = build_image(seed=1, layers=1)
DOCKER_IMAGE = build_image(layers=1, media_types=DOCKER)
NOT_FOUND = ("ImageNotFound", "Requested image not found")
BAD_DIGEST = (
    "InvalidImageDigest",
    "Invalid request parameters: "
    "image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
)
BAD_TAG = (
    "InvalidImageTag",
    "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
)


def put(ecr: Any, image: Image | Index, *tags: str) -> None:
    """Put an image under tags, or under none; the layers are not looked at here."""
    for tag in tags or (None,):
        ecr.put_image(
            repositoryName="team/app",
            imageManifest=image.manifest.decode(),
            **({"imageTag": tag} if tag else {}),
        )


def get(ecr: Any, *image_ids: dict[str, str], **request: Any) -> list[dict[str, Any]]:
    """The images that are found; there must be no failure."""
    answer = ecr.batch_get_image(repositoryName="team/app", imageIds=list(image_ids), **request)
    assert answer["failures"] == []
    images: list[dict[str, Any]] = answer["images"]
    return images


def test_an_image_by_tag(ecr: Any, repository_name: str) -> None:
    """An image by tag is returned with its manifest as it was put, under that tag only."""
    put(ecr, IMAGE, "v1", "v2")
    assert get(ecr, {"imageTag": "v1"}) == [
        {
            "registryId": ACCOUNT,
            "repositoryName": repository_name,
            "imageId": {"imageDigest": IMAGE.digest, "imageTag": "v1"},
            "imageManifest": IMAGE.manifest.decode(),
            "imageManifestMediaType": OCI.manifest,
        }
    ]


def test_an_image_by_digest(ecr: Any, repository_name: str) -> None:
    """The image is returned once for each of its tags, or once if it is untagged."""
    put(ecr, IMAGE, "v1", "v2")
    put(ecr, OTHER)
    assert [each["imageId"] for each in get(ecr, {"imageDigest": IMAGE.digest})] == [
        {"imageDigest": IMAGE.digest, "imageTag": "v1"},
        {"imageDigest": IMAGE.digest, "imageTag": "v2"},
    ]
    assert [each["imageId"] for each in get(ecr, {"imageDigest": OTHER.digest})] == [
        {"imageDigest": OTHER.digest}
    ]


def test_an_image_by_digest_and_tag(ecr: Any, repository_name: str) -> None:
    """An identifier with digest and tag is found only if both belong to one image."""
    put(ecr, IMAGE, "v1", "v2")
    both = {"imageDigest": IMAGE.digest, "imageTag": "v2"}
    assert [each["imageId"] for each in get(ecr, both)] == [both]


def test_images_come_in_the_order_asked_for(ecr: Any, repository_name: str) -> None:
    """Images have the order of the request; an image that is named twice is returned once."""
    put(ecr, IMAGE, "v1")
    put(ecr, OTHER, "v2")
    images = get(ecr, {"imageTag": "v2"}, {"imageTag": "v1"}, {"imageDigest": OTHER.digest})
    assert [each["imageId"]["imageTag"] for each in images] == ["v2", "v1"]


@pytest.mark.parametrize(
    ("image_id", "failure"),
    [
        pytest.param({"imageTag": "v2"}, NOT_FOUND, id="unknown tag"),
        pytest.param({"imageDigest": ABSENT_DIGEST}, NOT_FOUND, id="unknown digest"),
        pytest.param({"imageDigest": OTHER.digest}, NOT_FOUND, id="another repository's digest"),
        pytest.param(
            {"imageDigest": IMAGE.digest, "imageTag": "v2"}, NOT_FOUND, id="unknown tag, digest"
        ),
        pytest.param(
            {"imageDigest": ABSENT_DIGEST, "imageTag": "v2"}, NOT_FOUND, id="both unknown"
        ),
        pytest.param(
            {"imageDigest": ABSENT_DIGEST, "imageTag": "v1"},
            (
                "ImageTagDoesNotMatchDigest",
                "Invalid request parameters: given tag does not map to the given digest",
            ),
            id="tag of another digest",
        ),
        pytest.param(
            {},
            (
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            ),
            id="neither",
        ),
        pytest.param({"imageDigest": "sha256"}, BAD_DIGEST, id="bad digest"),
        pytest.param({"imageDigest": "sha256:\0"}, BAD_DIGEST, id="NUL in the digest"),
        pytest.param({"imageDigest": "sha256", "imageTag": "v1"}, BAD_DIGEST, id="bad, and a tag"),
        pytest.param({"imageTag": "a b"}, BAD_TAG, id="bad tag"),
        pytest.param({"imageTag": "v1\0"}, BAD_TAG, id="NUL in the tag"),
    ],
)
@pytest.mark.parametrize("operation", ["batch_get_image", "batch_delete_image"])
def test_failures(
    ecr: Any,
    repository_name: str,
    operation: str,
    image_id: dict[str, str],
    failure: tuple[str, str],
) -> None:
    """Each identifier that fails has an entry with the identifier as given; the other images are found.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageFailure.html
    """
    put(ecr, IMAGE, "v1", "v3")
    ecr.create_repository(repositoryName="other")
    ecr.put_image(repositoryName="other", imageManifest=OTHER.manifest.decode())
    answer = getattr(ecr, operation)(
        repositoryName=repository_name, imageIds=[image_id, {"imageTag": "v3"}]
    )
    code, reason = failure
    assert answer["failures"] == [
        {"imageId": image_id, "failureCode": code, "failureReason": reason}
    ]
    found = answer.get("images", answer.get("imageIds"))
    assert len(found) == 1
    assert [
        each["imageTag"] for each in ecr.list_images(repositoryName=repository_name)["imageIds"]
    ] == (["v1", "v3"] if operation == "batch_get_image" else ["v1"])


def test_a_repository_that_is_not_there(ecr: Any) -> None:
    """A repository that does not exist is refused by its name."""
    request = {"repositoryName": "team/app", "imageIds": [{"imageTag": "v1"}]}
    assert refusal(ecr.batch_get_image, **request) == no_repository("team/app")


TRANSLATIONS = [
    pytest.param(DOCKER_IMAGE, [OCI.manifest], OCI, id="docker to OCI"),
    pytest.param(IMAGE, [DOCKER.manifest], DOCKER, id="OCI to docker"),
    pytest.param(IMAGE, [DOCKER.manifest, OCI.manifest], None, id="accepted as it is"),
    pytest.param(IMAGE, ["text/plain"], None, id="nothing that it could be"),
    pytest.param(
        IMAGE, ["application/vnd.docker.distribution.manifest.v1+json"], None, id="schema 1"
    ),
    pytest.param(build_index([IMAGE]), [DOCKER.index], None, id="index"),
    pytest.param(
        build_artifact(artifact_type="application/x.sbom"),
        [DOCKER.manifest],
        None,
        id="artifact",
    ),
]


@pytest.mark.parametrize(("image", "accepted", "family"), TRANSLATIONS)
def test_media_types_that_are_accepted(
    ecr: Any, repository_name: str, image: Image | Index, accepted: list[str], family: Any
) -> None:
    """By tag, ECR translates between OCI and Docker's schema 2 if only the other is accepted.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-manifest-formats.html
    """
    put(ecr, image, "v1")
    [found] = get(ecr, {"imageTag": "v1"}, acceptedMediaTypes=accepted)
    if family is None:
        assert found["imageManifest"] == image.manifest.decode()
        assert found["imageId"]["imageDigest"] == image.digest
        return
    assert found["imageManifestMediaType"] == family.manifest
    digest = f"sha256:{hashlib.sha256(found['imageManifest'].encode()).hexdigest()}"
    assert found["imageId"] == {"imageDigest": digest, "imageTag": "v1"}
    document, original = json.loads(found["imageManifest"]), json.loads(image.manifest)
    assert document["mediaType"] == family.manifest
    assert document["config"]["mediaType"] == family.config
    assert [layer["mediaType"] for layer in document["layers"]] == [family.layer_gzip]
    for each, other in zip(
        [document["config"], *document["layers"]],
        [original["config"], *original["layers"]],
        strict=True,
    ):
        assert (each["digest"], each["size"]) == (other["digest"], other["size"])


def test_an_image_by_digest_is_not_translated(ecr: Any, repository_name: str) -> None:
    """An image by digest is not translated, with or without a tag beside it: its digest would differ."""
    put(ecr, IMAGE, "v1")
    for image_id in (
        {"imageDigest": IMAGE.digest},
        {"imageDigest": IMAGE.digest, "imageTag": "v1"},
    ):
        [found] = get(ecr, image_id, acceptedMediaTypes=[DOCKER.manifest])
        assert found["imageManifest"] == IMAGE.manifest.decode()


def test_getting_an_image_is_pulling_it(ecr: Any, repository_name: str) -> None:
    """BatchGetImage sets the time of the last pull that DescribeImages returns; ListImages and DescribeImages do
    not.
    """
    put(ecr, IMAGE, "v1")
    put(ecr, OTHER, "v2")
    for _ in range(2):
        details = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
        assert not any("lastRecordedPullTime" in each for each in details)
    get(ecr, {"imageTag": "v1"})
    pulled, other = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert pulled["lastRecordedPullTime"] >= pulled["imagePushedAt"]
    assert "lastRecordedPullTime" not in other
