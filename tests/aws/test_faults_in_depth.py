"""Faults of what calls cause: secrets, upstream registries, scans, replications, and new images."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from freezegun.api import FrozenDateTimeFactory

from moto_ecr_ext.testing import build_image, faults, push
from support.listener import Listener
from support.refusals import Refusal, no_image, refusal, refused
from support.replication import IMAGE, WEST, images, replicate, rule, statuses
from support.upstream import running_upstream

NAME = "team/app"


@pytest.fixture(autouse=True)
def _end_of_faults() -> Iterator[None]:
    yield
    faults.clear()


@pytest.fixture
def repository(ecr: Any) -> str:
    ecr.create_repository(repositoryName=NAME)
    return NAME


def test_a_secret_is_not_found_at_first(aws: Any, ecr: Any) -> None:
    """A rule that is created just after its secret is refused once, by default."""
    arn = aws.client("secretsmanager").create_secret(
        Name="ecr-pullthroughcache/hub",
        SecretString=json.dumps({"username": "me", "accessToken": "secret"}),
    )["ARN"]
    hub = {
        "ecrRepositoryPrefix": "hub",
        "upstreamRegistryUrl": "registry-1.docker.io",
        "credentialArn": arn,
    }
    with faults.secret_not_found() as fault:
        assert refusal(ecr.create_pull_through_cache_rule, **hub) == Refusal(
            "SecretNotFoundException",
            "The ARN of the secret specified in the pull through cache rule was not found. "
            "Update the pull through cache rule with a valid secret ARN and try again.",
        )
        ecr.create_pull_through_cache_rule(**hub)
    assert [each.call for each in fault.strikes] == ["CreatePullThroughCacheRule"]


@pytest.mark.parametrize(
    ("make", "status", "code", "text"),
    [
        (
            faults.upstream_denied,
            403,
            "UpstreamAccessDenied",
            "The authentication to the upstream registry failed. "
            "Verify that the credentials for quay.io are valid and try again.",
        ),
        (
            faults.upstream_unavailable,
            503,
            "UpstreamUnavailable",
            "The upstream registry quay.io cannot be reached.",
        ),
    ],
)
def test_upstreams(aws: Any, ecr: Any, make: Any, status: int, code: str, text: str) -> None:
    """A first pull through the cache fails; an image that was imported stays available."""
    with running_upstream() as upstream:
        aws.configure(upstreams=upstream.setting())
        ecr.create_pull_through_cache_rule(
            ecrRepositoryPrefix="quay", upstreamRegistryUrl="quay.io"
        )
        upstream.put("team/app", IMAGE, "v1")
        registry = aws.registry()
        with make(repository="quay/team/*") as fault:
            answer = registry.get("/v2/quay/team/app/manifests/v1")
            assert (answer.status_code, answer.json()["errors"][0]["message"]) == (status, text)
            (failure,) = ecr.batch_get_image(
                repositoryName="quay/team/app", imageIds=[{"imageTag": "v1"}]
            )["failures"]
            assert (failure["failureCode"], failure["failureReason"]) == (code, text)
        assert fault.count == 2
        assert registry.get("/v2/quay/team/app/manifests/v1").status_code == 200
        with make():
            assert registry.get("/v2/quay/team/app/manifests/v1").status_code == 200


@pytest.mark.parametrize(
    ("make", "status"), [(faults.scan_fails, "FAILED"), (faults.scan_limit, "LIMIT_EXCEEDED")]
)
def test_scans(aws: Any, ecr: Any, repository: str, make: Any, status: str) -> None:
    """A scan ends with the status of a failure, in the findings and in the event, and the next one succeeds."""
    listener = Listener(aws)
    with make(repository=NAME, times=1):
        push(ecr, NAME, IMAGE, tag="1.0")
        ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "1.0"})
    found = ecr.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "1.0"})
    assert found["imageScanStatus"]["status"] == status
    assert "imageScanFindings" not in found
    heard = listener.heard()
    scans = [each["detail"] for each in heard if each["detail-type"] == "ECR Image Scan"]
    assert [each["scan-status"] for each in scans] == ["FAILED"]
    other = build_image(seed="other")
    push(ecr, NAME, other, tag="2.0")
    ecr.start_image_scan(repositoryName=NAME, imageId={"imageTag": "2.0"})
    found = ecr.describe_image_scan_findings(repositoryName=NAME, imageId={"imageTag": "2.0"})
    assert found["imageScanStatus"]["status"] == "COMPLETE"


def test_replications(aws: Any, ecr: Any, repository: str) -> None:
    """A replication fails with the code of a denial, and the image does not arrive."""
    west = aws.client(region="eu-west-1")
    replicate(ecr, rule(WEST))
    with faults.replication_fails(tag="v1") as fault:
        push(ecr, NAME, IMAGE, tag="v1")
    assert statuses(ecr, IMAGE) == [
        {**WEST, "status": "FAILED", "failureCode": "DESTINATION_REGISTRY_ACCESS_DENIED"}
    ]
    assert images(west) == {}
    assert [(each.repository, each.tags) for each in fault.strikes] == [(NAME, ("v1",))]
    push(ecr, NAME, IMAGE, tag="v2")
    assert [each["status"] for each in statuses(ecr, IMAGE)] == ["COMPLETE"]


def test_a_new_image_is_not_found_by_the_first_calls(aws: Any, ecr: Any, repository: str) -> None:
    """Each new image is not found by so many calls of both protocols, by tag and by digest."""
    old = build_image(seed="old")
    push(ecr, NAME, old, tag="old")
    registry = aws.registry()
    by_tag, by_digest = {"imageTag": "1.0"}, {"imageDigest": IMAGE.digest}
    with faults.eventual(calls=4) as fault:
        push(ecr, NAME, IMAGE, tag="1.0")
        assert refusal(ecr.describe_images, repositoryName=NAME, imageIds=[by_tag]) == no_image(
            NAME, tag="1.0"
        )
        (failure,) = ecr.batch_get_image(repositoryName=NAME, imageIds=[by_digest])["failures"]
        assert failure["failureCode"] == "ImageNotFound"
        assert registry.head(f"/v2/{NAME}/manifests/1.0").status_code == 404
        assert registry.get(f"/v2/{NAME}/manifests/{IMAGE.digest}").status_code == 404
        assert registry.get(f"/v2/{NAME}/manifests/{IMAGE.digest}").content == IMAGE.manifest
        ecr.describe_images(repositoryName=NAME, imageIds=[by_tag])
        ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "old"}])
    assert {each.digest for each in fault.strikes} == {IMAGE.digest}
    assert fault.count == 4


def test_a_new_image_is_not_found_for_seconds(
    ecr: Any, repository: str, clock: FrozenDateTimeFactory
) -> None:
    """By the clock of ECR, a new image is not found for some seconds after its push."""
    faults.eventual(seconds=5)
    push(ecr, NAME, IMAGE, tag="1.0")
    for _ in range(3):
        refused(ecr.describe_images, repositoryName=NAME, imageIds=[{"imageTag": "1.0"}])
    assert ecr.list_images(repositoryName=NAME)["imageIds"]
    clock.tick(5)
    ecr.describe_images(repositoryName=NAME, imageIds=[{"imageTag": "1.0"}])


def test_a_coroutine_has_the_fault_while_it_runs(ecr: Any) -> None:
    """A decorated coroutine function has the fault until its end."""

    @faults.throttle("DescribeRepositories")
    async def function() -> str:
        await asyncio.sleep(0)
        error = refused(ecr.describe_repositories)
        return str(error.response["Error"]["Code"])

    assert asyncio.run(function()) == "ThrottlingException"
    assert faults.active() == ()
    ecr.describe_repositories()
