"""ListImageReferrers: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html"""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

import pytest

from moto_ecr_ext import service_model
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.testing import (
    OCI,
    Image,
    build_artifact,
    build_image,
    build_index,
    push,
)
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.refusals import Refusal, invalid, no_repository, refusal
from support.registry_client import RepositoryClient

IMAGE, OTHER = build_image(seed="subject"), build_image(seed="other")
SIGNATURE = build_artifact(
    artifact_type="application/signature", subject=IMAGE, annotations={"by": "naïve"}
)
SBOM = build_artifact(artifact_type="application/sbom", subject=IMAGE, content=b"parts")
OF_OTHER = build_artifact(artifact_type="application/sbom", subject=OTHER, content=b"others")


def referrers(ecr: Any, image: Image = IMAGE, **request: Any) -> list[dict[str, Any]]:
    """The whole answer of one page."""
    answer = ecr.list_image_referrers(
        repositoryName="team/app", subjectId={"imageDigest": image.digest}, **request
    )
    assert "nextToken" not in answer
    found: list[dict[str, Any]] = answer["referrers"]
    return found


def digests(ecr: Any, **request: Any) -> list[str]:
    return [each["digest"] for each in referrers(ecr, **request)]


@pytest.fixture
def signed(ecr: Any, repository_name: str) -> str:
    """A repository with an image, a signature and an SBOM of it, and another image with an SBOM."""
    for each in (IMAGE, SIGNATURE, SBOM, OTHER, OF_OTHER):
        push(ecr, repository_name, each)
    return repository_name


def test_members(ecr: Any, signed: str) -> None:
    """Each referrer has its manifest's descriptor, type, annotations and status, in the order of push."""
    assert referrers(ecr) == [
        {
            "digest": SIGNATURE.digest,
            "mediaType": OCI.manifest,
            "artifactType": "application/signature",
            "size": len(SIGNATURE.manifest),
            "annotations": {"by": "naïve"},
            "artifactStatus": "ACTIVE",
        },
        {
            "digest": SBOM.digest,
            "mediaType": OCI.manifest,
            "artifactType": "application/sbom",
            "size": len(SBOM.manifest),
            "artifactStatus": "ACTIVE",
        },
    ]


def test_both_protocols_list_the_same(aws: Any, ecr: Any, repository_name: str) -> None:
    """Referrers that were pushed over the registry protocol are listed by both protocols."""
    registry = RepositoryClient(aws.registry(), repository_name)
    for each in (IMAGE, SBOM, SIGNATURE):
        registry.push(each)
    there = registry.get(f"/referrers/{IMAGE.digest}").json()["manifests"]
    here = [
        {name: value for name, value in each.items() if name != "artifactStatus"}
        for each in referrers(ecr)
    ]
    assert here == there
    assert [each["digest"] for each in there] == [SBOM.digest, SIGNATURE.digest]


def test_an_index_is_a_referrer(ecr: Any, repository_name: str) -> None:
    """An index is listed as a referrer; the artifact type is omitted if the manifest has none."""
    index = json.loads(build_index([OTHER]).manifest)
    content = json.dumps({**index, "subject": IMAGE.descriptor()})
    push(ecr, repository_name, OTHER)
    ecr.put_image(repositoryName=repository_name, imageManifest=content)
    assert referrers(ecr) == [
        {
            "digest": Digest.of(content.encode()),
            "mediaType": OCI.index,
            "size": len(content),
            "artifactStatus": "ACTIVE",
        }
    ]


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        pytest.param([], [SIGNATURE, SBOM], id="none named"),
        pytest.param(["application/sbom"], [SBOM], id="one"),
        pytest.param(["application/sbom", "application/signature"], [SIGNATURE, SBOM], id="any"),
        pytest.param(["application/nothing", "\0"], [], id="unknown"),
        pytest.param(["application/sbo", "APPLICATION/SBOM"], [], id="as it is written"),
    ],
)
def test_filter_by_artifact_types(
    ecr: Any, signed: str, types: list[str], expected: list[Image]
) -> None:
    """A filter selects referrers of any of its types."""
    at_most = (
        service_model.operation("ListImageReferrers")
        .service_model.shape_for("ArtifactTypeList")
        .metadata["max"]
    )
    if len(types) > at_most:
        pytest.skip(f"this botocore's model has at most {at_most} artifact type in a filter")
    found = digests(ecr, filter={"artifactTypes": types})
    assert found == [each.digest for each in expected]


def test_filter_by_status(ecr: Any, signed: str) -> None:
    """Referrers that were archived with their subject are listed if the filter asks for them."""
    ecr.update_image_storage_class(
        repositoryName=signed,
        imageId={"imageDigest": IMAGE.digest},
        targetStorageClass="ARCHIVE",
    )
    push(ecr, signed, SBOM)
    expected = {
        None: [SBOM.digest],
        "ACTIVE": [SBOM.digest],
        "ARCHIVED": [SIGNATURE.digest],
        "ACTIVATING": [],
        "ANY": [SIGNATURE.digest, SBOM.digest],
    }
    for status, found in expected.items():
        request = {"filter": {"artifactStatus": status}} if status else {}
        assert digests(ecr, **request) == found
    [archived] = referrers(ecr, filter={"artifactStatus": "ARCHIVED"})
    assert archived["artifactStatus"] == "ARCHIVED"


@pytest.mark.parametrize(("count", "sizes"), [(None, [20, 3]), (10, [10, 10, 3]), (23, [23])])
def test_pages(ecr: Any, repository_name: str, count: int | None, sizes: list[int]) -> None:
    """A page has twenty referrers unless another number is given; it counts those that the filter selects."""
    artifacts = [
        build_artifact(
            artifact_type="application/sbom", subject=IMAGE, content=f"{number}".encode()
        )
        for number in range(23)
    ]
    for each in artifacts:
        ecr.put_image(repositoryName=repository_name, imageManifest=SIGNATURE.manifest.decode())
        ecr.put_image(repositoryName=repository_name, imageManifest=each.manifest.decode())
        ecr.batch_delete_image(
            repositoryName=repository_name, imageIds=[{"imageDigest": SIGNATURE.digest}]
        )
    ecr.put_image(repositoryName=repository_name, imageManifest=SIGNATURE.manifest.decode())
    request = {
        "repositoryName": repository_name,
        "subjectId": {"imageDigest": IMAGE.digest},
        "filter": {"artifactTypes": ["application/sbom"]},
        **({"maxResults": count} if count else {}),
    }
    pages: list[list[str]] = []
    token: dict[str, str] = {}
    while not pages or token:
        answer = ecr.list_image_referrers(**request, **token)
        pages.append([each["digest"] for each in answer["referrers"]])
        token = {"nextToken": answer["nextToken"]} if "nextToken" in answer else {}
    assert [len(each) for each in pages] == sizes
    assert list(chain.from_iterable(pages)) == [each.digest for each in artifacts]


def test_a_subject_that_is_not_there(ecr: Any, repository_name: str) -> None:
    """A subject that does not exist can have referrers."""
    assert referrers(ecr) == []
    push(ecr, repository_name, SBOM)
    assert digests(ecr) == [SBOM.digest]


@pytest.mark.parametrize("digest", ["", "latest", "sha256:xyz", "sha256:0\0"])
def test_a_malformed_digest(ecr: Any, repository_name: str, digest: str) -> None:
    """A malformed digest is refused."""
    assert refusal(
        ecr.list_image_referrers, repositoryName=repository_name, subjectId={"imageDigest": digest}
    ) == invalid(
        "subjectId.imageDigest",
        "Member must satisfy regular expression pattern: [a-zA-Z0-9-_+.]+:[a-fA-F0-9]+",
    )


def test_no_repository(ecr: Any) -> None:
    """A repository that does not exist is refused."""
    assert refusal(
        ecr.list_image_referrers,
        repositoryName="no/such",
        subjectId={"imageDigest": IMAGE.digest},
    ) == no_repository("no/such")


def test_a_foreign_token(ecr: Any, signed: str) -> None:
    """The token of one subject's list is refused for another, and so is any other text."""
    request = {"repositoryName": signed, "subjectId": {"imageDigest": IMAGE.digest}}
    token = ecr.list_image_referrers(**request, maxResults=1)["nextToken"]
    assert ecr.list_image_referrers(**request, nextToken=token)["referrers"]
    request["subjectId"] = {"imageDigest": OTHER.digest}
    for each in (token, "text"):
        refused = refusal(ecr.list_image_referrers, **request, nextToken=each)
        assert refused == invalid("nextToken", "Invalid continuation token")


def test_another_account_needs_the_permission_to_pull(aws: Any, ecr: Any, signed: str) -> None:
    """Another account needs ecr:BatchGetImage, since the operation has no separate action."""
    others = aws.client(account=OTHER_ACCOUNT)
    request = {
        "repositoryName": signed,
        "registryId": ACCOUNT,
        "subjectId": {"imageDigest": IMAGE.digest},
    }
    arn = f"arn:aws:ecr:us-east-1:123456789012:repository/{signed}"
    assert refusal(others.list_image_referrers, **request) == Refusal(
        "AccessDeniedException",
        "User: arn:aws:iam::999999999999:root is not authorized to perform: ecr:BatchGetImage "
        f"on resource: {arn} because no resource-based policy allows the ecr:BatchGetImage action",
    )
    ecr.set_repository_policy(
        repositoryName=signed,
        policyText="""{
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": "999999999999"},
                "Action": "ecr:BatchGetImage"
            }]
        }""",
    )
    assert len(others.list_image_referrers(**request)["referrers"]) == 2
