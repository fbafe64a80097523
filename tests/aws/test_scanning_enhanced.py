"""Enhanced scanning, which on AWS is done by Amazon Inspector.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.testing import (
    build_artifact,
    build_image,
    build_index,
    push,
    queue_scan_findings,
)
from support.constants import ACCOUNT, OTHER_ACCOUNT
from support.listener import Listener
from support.refusals import refusal
from support.scanning import COMPLETE
from support.stored import everything_stored

IMAGE = build_image(layers=1)
OTHER = build_image(seed=1, layers=1)
CONTINUOUS = {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
EXPIRED = {
    "status": "SCAN_ELIGIBILITY_EXPIRED",
    "description": "The configured scan duration has lapsed for this image.",
}
FINDING = {
    "title": "CVE-2026-1 - zlib",
    "severity": "HIGH",
    "type": "PACKAGE_VULNERABILITY",
    "firstObservedAt": 1767225600.5,
    "packageVulnerabilityDetails": {"vulnerabilityId": "CVE-2026-1"},
}


def enhance(ecr: Any, **filters: str) -> None:
    """Have repositories scanned as `continuous` and `on_push` say."""
    frequencies = {"continuous": "CONTINUOUS_SCAN", "on_push": "SCAN_ON_PUSH"}
    ecr.put_registry_scanning_configuration(
        scanType="ENHANCED",
        rules=[
            {
                "scanFrequency": frequencies[name],
                "repositoryFilters": [{"filter": each, "filterType": "WILDCARD"}],
            }
            for name, each in filters.items()
        ],
    )


def findings_of(ecr: Any, tag: str = "v1", name: str = "team/app") -> dict[str, Any]:
    answer: dict[str, Any] = ecr.describe_image_scan_findings(
        repositoryName=name, imageId={"imageTag": tag}
    )
    return answer


def described(ecr: Any, tag: str = "v1") -> dict[str, Any]:
    """Return the scan status of an image in DescribeImages."""
    [by_tag] = ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": tag}])[
        "imageDetails"
    ]
    listed = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert by_tag in listed
    return {name: value for name, value in by_tag.items() if name.startswith("imageScan")}


@pytest.mark.parametrize(
    ("frequency", "status"), [("continuous", CONTINUOUS), ("on_push", COMPLETE)]
)
def test_a_scan_on_push(
    ecr: Any, repository_name: str, frequency: str, status: dict[str, str]
) -> None:
    """The event of an enhanced scan has another form. An image that is scanned continuously stays active."""
    enhance(ecr, **{frequency: "team/*"})
    push(ecr, repository_name, IMAGE, tag="v1")
    answer = findings_of(ecr)
    assert answer["imageScanStatus"] == status
    found = answer["imageScanFindings"]
    assert found["enhancedFindings"] == []
    assert found["findingSeverityCounts"] == {}
    assert "findings" not in found
    del found["enhancedFindings"]
    assert described(ecr) == {"imageScanStatus": status, "imageScanFindingsSummary": found}


def test_the_frequency_is_that_of_now(ecr: Any, repository_name: str) -> None:
    """An image that was scanned once becomes active with a continuous rule, and inactive without it."""
    enhance(ecr, on_push="*")
    push(ecr, repository_name, IMAGE, tag="v1")
    enhance(ecr, continuous="*")
    assert findings_of(ecr)["imageScanStatus"] == CONTINUOUS
    enhance(ecr, on_push="*")
    assert findings_of(ecr)["imageScanStatus"] == COMPLETE


def test_repositories_that_no_filter_matches(ecr: Any, repository_name: str) -> None:
    """A repository that no filter matches is not scanned, whatever its own setting."""
    ecr.put_image_scanning_configuration(
        repositoryName=repository_name, imageScanningConfiguration={"scanOnPush": True}
    )
    enhance(ecr, continuous="other")
    push(ecr, repository_name, IMAGE, tag="v1")
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    assert refusal(ecr.describe_image_scan_findings, **request).code == "ScanNotFoundException"
    assert described(ecr) == {}


def test_images_that_were_there_before(ecr: Any, repository_name: str) -> None:
    """Young images are scanned, older ones have a status that says why not; images that no filter matches are
    unchanged.
    """
    ecr.create_repository(repositoryName="other")
    with freeze_time("2026-01-01", ignore=["urllib3"]) as clock:
        push(ecr, repository_name, OTHER, tag="old")
        clock.move_to("2026-01-10")
        push(ecr, repository_name, IMAGE, tag="v1")
        push(ecr, "other", IMAGE, tag="v1")
        clock.move_to("2026-01-16")
        enhance(ecr, on_push="team")
        assert findings_of(ecr)["imageScanStatus"] == COMPLETE
        assert findings_of(ecr)["imageScanFindings"]["enhancedFindings"] == []
        answer = findings_of(ecr, "old")
        assert answer["imageScanStatus"] == EXPIRED
        assert "imageScanFindings" not in answer
        assert described(ecr, "old") == {"imageScanStatus": EXPIRED}
        assert (
            refusal(
                ecr.describe_image_scan_findings,
                repositoryName="other",
                imageId={"imageTag": "v1"},
            ).code
            == "ScanNotFoundException"
        )


def test_continuous_scans_end(ecr: Any, repository_name: str) -> None:
    """A continuous scan ends two weeks after the push."""
    with freeze_time("2026-01-01", ignore=["urllib3"]) as clock:
        enhance(ecr, continuous="*")
        push(ecr, repository_name, IMAGE, tag="v1")
        clock.move_to("2026-01-15")
        assert findings_of(ecr)["imageScanStatus"] == CONTINUOUS
        clock.move_to("2026-01-15 00:00:02")
        answer = findings_of(ecr)
        assert answer["imageScanStatus"] == EXPIRED
        assert "imageScanFindings" not in answer
        assert described(ecr) == {"imageScanStatus": EXPIRED}


def test_scans_of_the_other_type_are_out_of_sight(ecr: Any, repository_name: str) -> None:
    """Scans of the other type return once the registry is switched back; a basic scan still counts for its day.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning.html
    """
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**request)
    enhance(ecr, continuous="other")
    assert refusal(ecr.describe_image_scan_findings, **request).code == "ScanNotFoundException"
    enhance(ecr, continuous="*")
    assert findings_of(ecr)["imageScanStatus"] == CONTINUOUS
    ecr.put_registry_scanning_configuration(scanType="BASIC")
    assert findings_of(ecr)["imageScanStatus"] == COMPLETE
    assert findings_of(ecr)["imageScanFindings"]["findings"] == []
    assert refusal(ecr.start_image_scan, **request).code == "LimitExceededException"
    assert described(ecr) == {}


def test_basic_scans_are_not_described_with_images(ecr: Any, repository_name: str) -> None:
    """DescribeImages omits basic scans:
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(repositoryName=repository_name, imageId={"imageTag": "v1"})
    assert described(ecr) == {}


def test_what_cannot_be_scanned(ecr: Any, repository_name: str) -> None:
    """An artifact is unsupported; an index is not scanned, but its images are."""
    enhance(ecr, on_push="*")
    push(ecr, repository_name, build_index([IMAGE, OTHER]), tag="index")
    push(ecr, repository_name, build_artifact(artifact_type="application/x.sbom"), tag="sbom")
    unsupported = {
        "status": "UNSUPPORTED_IMAGE",
        "description": "UnsupportedImageError: "
        "The operating system and/or package manager are not supported.",
    }
    assert findings_of(ecr, "sbom")["imageScanStatus"] == unsupported
    assert described(ecr, "sbom") == {"imageScanStatus": unsupported}
    assert described(ecr, "index") == {}
    by_digest = {
        each["imageDigest"]: each.get("imageScanStatus")
        for each in ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    }
    assert by_digest[IMAGE.digest] == by_digest[OTHER.digest] == COMPLETE


def test_queued_findings(ecr: Any, repository_name: str) -> None:
    """DescribeImages counts what would be found, and takes nothing from the queue."""
    enhance(ecr, continuous="*")
    queue_scan_findings(
        ecr, repository_name, enhanced_findings=[FINDING], tag="v1", status="ACTIVE"
    )
    push(ecr, repository_name, IMAGE, tag="v1")
    push(ecr, repository_name, OTHER, tag="v2")
    for _ in range(2):
        assert described(ecr) == {
            "imageScanStatus": CONTINUOUS,
            "imageScanFindingsSummary": {"findingSeverityCounts": {"HIGH": 1}},
        }
    assert described(ecr, "v2")["imageScanFindingsSummary"]["findingSeverityCounts"] == {}
    [found] = findings_of(ecr)["imageScanFindings"]["enhancedFindings"]
    assert found["title"] == FINDING["title"]
    assert found["firstObservedAt"].timestamp() == FINDING["firstObservedAt"]
    assert described(ecr)["imageScanFindingsSummary"]["findingSeverityCounts"] == {"HIGH": 1}


def test_images_of_other_repositories(ecr: Any, repository_name: str) -> None:
    """Images of other repositories, pushed in between, are not described."""
    enhance(ecr, continuous="*")
    ecr.create_repository(repositoryName="other")
    push(ecr, repository_name, IMAGE, tag="v1")
    push(ecr, "other", IMAGE, tag="v1")
    push(ecr, repository_name, OTHER, tag="v2")
    details = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert [each["imageScanStatus"] for each in details] == [CONTINUOUS, CONTINUOUS]


def test_an_image_that_comes_back_from_the_archive(ecr: Any, repository_name: str) -> None:
    """A restored image is scanned like a pushed one; until then it has no findings."""
    request = {"repositoryName": repository_name, "imageId": {"imageTag": "v1"}}
    with freeze_time("2026-01-01", ignore=["urllib3"]) as clock:
        enhance(ecr, continuous="*")
        push(ecr, repository_name, IMAGE, tag="v1")
        ecr.update_image_storage_class(**request, targetStorageClass="ARCHIVE")
        assert findings_of(ecr)["imageScanStatus"]["status"] == "IMAGE_ARCHIVED"
        clock.move_to("2026-03-01")
        ecr.update_image_storage_class(**request, targetStorageClass="STANDARD")
        assert findings_of(ecr)["imageScanStatus"] == CONTINUOUS


def test_no_scan_is_started_by_hand(ecr: Any, repository_name: str) -> None:
    """StartImageScan is refused while scanning is enhanced:
    https://github.com/alexjurkiewicz/ecr-scan-image/issues/44
    """
    enhance(ecr, on_push="*")
    push(ecr, repository_name, IMAGE, tag="v1")
    before = everything_stored()
    answer = refusal(
        ecr.start_image_scan, repositoryName=repository_name, imageId={"imageTag": "v1"}
    )
    assert (answer.code, answer.message) == ("ValidationException", "This feature is disabled")
    assert everything_stored() == before


def test_the_registry_of_the_repository_counts(aws: Any, ecr: Any, repository_name: str) -> None:
    """The configuration of the repository's registry applies, not that of the caller's."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*"}
    ecr.set_repository_policy(
        repositoryName=repository_name,
        policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    guest = aws.client(account=OTHER_ACCOUNT)
    request = {
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "imageScanningConfiguration": {"scanOnPush": True},
    }
    enhance(guest, on_push="*")
    assert guest.put_image_scanning_configuration(**request)["imageScanningConfiguration"]
    enhance(ecr, on_push="*")
    guest.put_registry_scanning_configuration(scanType="BASIC")
    answer = refusal(guest.put_image_scanning_configuration, **request)
    assert (answer.code, answer.message) == ("ValidationException", "This feature is disabled")


def test_events(aws: Any, ecr: Any, repository_name: str) -> None:
    """Inspector's events report the scan and each finding. The scan's repository name is an ARN, as on AWS.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    listener = Listener(aws, source="aws.inspector2")
    enhance(ecr, on_push="*")
    queue_scan_findings(ecr, repository_name, enhanced_findings=[FINDING], tag="v1")
    push(ecr, repository_name, IMAGE, tag="v1")
    scan, finding = listener.heard()
    arn = "arn:aws:ecr:us-east-1:123456789012:repository/team/app"
    assert scan["detail-type"] == "Inspector2 Scan"
    assert scan["resources"] == [arn]
    assert scan["detail"] == {
        "scan-status": "INITIAL_SCAN_COMPLETE",
        "repository-name": arn,
        "finding-severity-counts": {"HIGH": 1, "TOTAL": 1},
        "image-digest": IMAGE.digest,
        "image-tags": ["v1"],
    }
    assert finding["detail-type"] == "Inspector2 Finding"
    image_arn = f"{arn}/{IMAGE.digest}"
    assert finding["resources"] == [image_arn]
    detail = finding["detail"]
    assert re.fullmatch(
        r"arn:aws:inspector2:us-east-1:123456789012:finding/[0-9a-f]{32}", detail.pop("findingArn")
    )
    [resource] = detail.pop("resources")
    image = resource["details"]["awsEcrContainerImage"]
    # Text of a time, such as "Dec 3, 2021, 6:02:30 PM".
    assert re.fullmatch(r"[A-Z][a-z]{2} \d+, \d{4}, \d+:\d\d:\d\d [AP]M", image.pop("pushedAt"))
    assert resource == {
        "details": {
            "awsEcrContainerImage": {
                "imageHash": IMAGE.digest,
                "imageTags": ["v1"],
                "registry": ACCOUNT,
                "repositoryName": "team/app",
            }
        },
        "id": image_arn,
        "tags": {},
        "type": "AWS_ECR_CONTAINER_IMAGE",
    }
    assert detail == {
        **FINDING,
        "awsAccountId": ACCOUNT,
        "firstObservedAt": "Jan 1, 2026, 12:00:00 AM",
    }


def test_events_of_findings_that_have_all(aws: Any, ecr: Any, repository_name: str) -> None:
    """Members that a queued finding has are announced as they are; DescribeImageScanFindings adds none."""
    listener = Listener(aws, source="aws.inspector2")
    enhance(ecr, on_push="*")
    own = {
        **FINDING,
        "awsAccountId": OTHER_ACCOUNT,
        "findingArn": "arn:aws:inspector2:us-east-1:210987654321:finding/mine",
        "resources": [{"id": "mine", "type": "AWS_ECR_CONTAINER_IMAGE"}],
        "updatedAt": 1767265350.0,
    }
    queue_scan_findings(ecr, repository_name, enhanced_findings=[own, FINDING], tag="v1")
    push(ecr, repository_name, IMAGE, tag="v1")
    _, first, second = (each["detail"] for each in listener.heard())
    times = {"firstObservedAt": "Jan 1, 2026, 12:00:00 AM", "updatedAt": "Jan 1, 2026, 11:02:30 AM"}
    assert first == {**own, **times}
    assert second["awsAccountId"] == ACCOUNT
    [_, found] = findings_of(ecr)["imageScanFindings"]["enhancedFindings"]
    assert found.keys() == FINDING.keys()


def test_events_of_changes(aws: Any, ecr: Any, repository_name: str) -> None:
    """With enhanced scanning, a new repository, a new image and a deleted image send an event, if they are scanned.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    listener = Listener(aws)

    def changes() -> list[tuple[str, str, str]]:
        details = [
            each["detail"]
            for each in listener.heard()
            if each["detail-type"] == "ECR Scan Resource Change"
        ]
        for each in details:
            del each["repositories"][0]["repository-arn"]
            assert each.keys() == {"action-type", "repositories", "resource-type", "scan-type"}
        return [tuple(each["repositories"][0].values()) for each in details]

    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.create_repository(repositoryName="team/other")
    assert changes() == []
    enhance(ecr, continuous="team")
    assert changes() == [("team/app", "CONTINUOUS_SCAN", "MANUAL")]
    ecr.create_repository(repositoryName="team/new")
    ecr.create_repository(repositoryName="else")
    assert changes() == [("team/new", "CONTINUOUS_SCAN", "MANUAL")]
    push(ecr, repository_name, OTHER, tag="v2")
    push(ecr, "else", OTHER, tag="v2")
    unchanged = ("team/app", "CONTINUOUS_SCAN", "CONTINUOUS_SCAN")
    assert changes() == [unchanged]
    ecr.put_image(
        repositoryName=repository_name, imageManifest=OTHER.manifest.decode(), imageTag="v3"
    )
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v3"}])
    assert changes() == []
    for name in (repository_name, "else"):
        ecr.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": "v2"}])
    assert changes() == [unchanged]
    ecr.put_registry_scanning_configuration(scanType="BASIC")
    push(ecr, repository_name, OTHER, tag="v2")
    assert changes() == []


def test_events_of_changed_frequencies(aws: Any, ecr: Any, repository_name: str) -> None:
    """One event lists all repositories whose frequency changed; it is not sent without a change, or if scanning is
    basic.
    """
    ecr.create_repository(repositoryName="other")
    listener = Listener(aws)
    enhance(ecr, on_push="team")
    [event] = listener.heard()
    assert event["detail-type"] == "ECR Scan Resource Change"
    assert event["resources"] == []
    arn = "arn:aws:ecr:us-east-1:123456789012:repository"
    assert event["detail"] == {
        "action-type": "SCAN_FREQUENCY_CHANGE",
        "repositories": [
            {
                "repository-name": "team/app",
                "repository-arn": f"{arn}/team/app",
                "scan-frequency": "SCAN_ON_PUSH",
                "previous-scan-frequency": "MANUAL",
            }
        ],
        "resource-type": "REPOSITORY",
        "scan-type": "ENHANCED",
    }
    enhance(ecr, on_push="app")
    assert listener.heard() == []
    enhance(ecr, on_push="other", continuous="team")
    [event] = listener.heard()
    assert [
        (each["repository-name"], each["scan-frequency"], each["previous-scan-frequency"])
        for each in event["detail"]["repositories"]
    ] == [("other", "SCAN_ON_PUSH", "MANUAL"), ("team/app", "CONTINUOUS_SCAN", "SCAN_ON_PUSH")]
    ecr.put_registry_scanning_configuration()
    assert listener.heard() == []


def test_another_account_sees_what_the_owner_has(aws: Any, ecr: Any, repository_name: str) -> None:
    """Another account gets the scan type and the queue of the registry that has the image."""
    enhance(ecr, continuous="*")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": "*",
                "Action": ["ecr:DescribeImageScanFindings", "ecr:DescribeImages"],
            }
        ],
    }
    ecr.set_repository_policy(repositoryName=repository_name, policyText=json.dumps(policy))
    push(ecr, repository_name, IMAGE, tag="v1")
    queue_scan_findings(ecr, repository_name, enhanced_findings=[FINDING], tag="v1")
    request = {"registryId": ACCOUNT, "repositoryName": repository_name}
    stranger = aws.client(account=OTHER_ACCOUNT)
    found = stranger.describe_image_scan_findings(**request, imageId={"imageTag": "v1"})
    assert found["imageScanFindings"]["enhancedFindings"][0]["title"] == FINDING["title"]
    [detail] = stranger.describe_images(**request)["imageDetails"]
    assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"HIGH": 1}
