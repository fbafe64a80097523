"""Scans under way, as moto's state manager says, and how they end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time

from moto_ecr_ext.testing import build_image, push, queue_scan_findings
from support.listener import Listener
from support.refusals import refusal
from support.scanning import COMPLETE, debian_image, scanner

IMAGE = debian_image()
PENDING = {
    "status": "PENDING",
    "description": "This resource has been identified for scanning, results will be available soon.",
}
REQUEST: dict[str, Any] = {"repositoryName": "team/app", "imageId": {"imageTag": "v1"}}


def findings_of(ecr: Any) -> dict[str, Any]:
    answer: dict[str, Any] = ecr.describe_image_scan_findings(**REQUEST)
    return answer


def enhance(ecr: Any) -> None:
    everything = [{"filter": "*", "filterType": "WILDCARD"}]
    ecr.put_registry_scanning_configuration(
        scanType="ENHANCED",
        rules=[{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": everything}],
    )


def test_a_scan_that_is_looked_at(ecr: Any, repository_name: str, slowly: Any) -> None:
    """A scan ends once it was described as often as moto's state manager says, and shows no findings before."""
    slowly("ecr::image_scan", progression="manual", times=3)
    push(ecr, repository_name, IMAGE, tag="v1")
    queue_scan_findings(ecr, repository_name, [{"name": "CVE-2026-1", "severity": "LOW"}])
    ecr.start_image_scan(**REQUEST)
    for _ in range(2):
        answer = findings_of(ecr)
        assert answer["imageScanStatus"] == {"status": "IN_PROGRESS"}
        assert "imageScanFindings" not in answer
        assert refusal(ecr.start_image_scan, **REQUEST).code == "LimitExceededException"
    for _ in range(2):
        answer = findings_of(ecr)
        assert answer["imageScanStatus"] == COMPLETE
        assert answer["imageScanFindings"]["findingSeverityCounts"] == {"LOW": 1}


def test_the_waiter_waits(ecr: Any, repository_name: str, slowly: Any) -> None:
    """botocore's waiter waits for a scan that takes time."""
    slowly("ecr::image_scan", progression="manual", times=4)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**REQUEST)
    waiter = ecr.get_waiter("image_scan_complete")
    waiter.wait(**REQUEST, WaiterConfig={"Delay": 0, "MaxAttempts": 4})
    assert findings_of(ecr)["imageScanStatus"] == COMPLETE


def test_a_scan_that_takes_time(aws: Any, ecr: Any, repository_name: str, slowly: Any) -> None:
    """Its event is sent when a request of any kind finds that it has ended."""
    listener = Listener(aws)
    slowly("ecr::image_scan", progression="time", seconds=60)
    with freeze_time("2026-01-01 12:00:00", ignore=["urllib3"]) as clock:
        push(ecr, repository_name, IMAGE, tag="v1")
        ecr.start_image_scan(**REQUEST)
        clock.move_to("2026-01-01 12:00:30")
        assert findings_of(ecr)["imageScanStatus"] == {"status": "IN_PROGRESS"}
        assert {each["detail-type"] for each in listener.heard()} == {"ECR Image Action"}
        clock.move_to("2026-01-01 12:01:30")
        ecr.describe_repositories()
        [event] = listener.heard()
        answer = findings_of(ecr)
    assert event["detail-type"] == "ECR Image Scan"
    assert answer["imageScanStatus"] == COMPLETE
    completed_at = answer["imageScanFindings"]["imageScanCompletedAt"]
    assert completed_at.isoformat()[:19] == "2026-01-01T12:01:30"


def test_an_enhanced_scan_is_pending(ecr: Any, repository_name: str, slowly: Any) -> None:
    """DescribeImages also shows that an enhanced scan is pending, without counting as a question."""
    slowly("ecr::image_scan", progression="manual", times=2)
    enhance(ecr)
    push(ecr, repository_name, IMAGE, tag="v1")
    for _ in range(3):
        [detail] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
        assert detail["imageScanStatus"] == PENDING
        assert "imageScanFindingsSummary" not in detail
    assert findings_of(ecr)["imageScanStatus"] == PENDING
    assert findings_of(ecr)["imageScanStatus"]["status"] == "ACTIVE"
    [detail] = ecr.describe_images(repositoryName=repository_name)["imageDetails"]
    assert detail["imageScanStatus"]["status"] == "ACTIVE"


def test_what_a_program_found_is_shown_later(
    aws: Any, ecr: Any, repository_name: str, slowly: Any, tmp_path: Path
) -> None:
    """Findings of a program are shown once the scan's time is over."""
    aws.configure(scanner=str(scanner(tmp_path)))
    slowly("ecr::image_scan", progression="manual", times=2)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**REQUEST)
    assert findings_of(ecr)["imageScanStatus"] == {"status": "IN_PROGRESS"}
    assert len(findings_of(ecr)["imageScanFindings"]["findings"]) == 3


def test_an_image_that_goes_while_it_is_scanned(
    ecr: Any, repository_name: str, slowly: Any
) -> None:
    """A deleted image loses its scan; once pushed again, it can be scanned again."""
    slowly("ecr::image_scan", progression="manual", times=2)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**REQUEST)
    ecr.batch_delete_image(repositoryName=repository_name, imageIds=[{"imageTag": "v1"}])
    push(ecr, repository_name, IMAGE, tag="v1")
    assert refusal(ecr.describe_image_scan_findings, **REQUEST).code == "ScanNotFoundException"
    ecr.start_image_scan(**REQUEST)
    assert findings_of(ecr)["imageScanStatus"] == {"status": "IN_PROGRESS"}


@pytest.mark.parametrize("has_program", [True, False], ids=["program", "none"])
def test_events_tell_what_was_found(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path, has_program: bool
) -> None:
    """The event of a scan counts the findings:
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    if has_program:
        aws.configure(scanner=str(scanner(tmp_path, "grype")))
    else:
        queue_scan_findings(ecr, repository_name, [{"name": "CVE-1", "severity": "HIGH"}])
    listener = Listener(aws)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**REQUEST)
    [event] = [each for each in listener.heard() if each["detail-type"] == "ECR Image Scan"]
    assert event["resources"] == ["arn:aws:ecr:us-east-1:123456789012:repository/team/app"]
    assert event["detail"] == {
        "scan-status": "COMPLETE",
        "repository-name": repository_name,
        "finding-severity-counts": (
            {"HIGH": 1, "CRITICAL": 1, "INFORMATIONAL": 1} if has_program else {"HIGH": 1}
        ),
        "image-digest": IMAGE.digest,
        "image-tags": ["v1"],
    }


def test_the_event_of_a_scan_that_took_its_time(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path, slowly: Any
) -> None:
    """The event of a scan that took time also counts the program's findings.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html
    """
    aws.configure(scanner=str(scanner(tmp_path, "grype")))
    listener = Listener(aws)
    slowly("ecr::image_scan", progression="manual", times=1)
    push(ecr, repository_name, IMAGE, tag="v1")
    ecr.start_image_scan(**REQUEST)
    assert {each["detail-type"] for each in listener.heard()} == {"ECR Image Action"}
    assert findings_of(ecr)["imageScanStatus"] == COMPLETE
    [event] = [each for each in listener.heard() if each["detail-type"] == "ECR Image Scan"]
    assert event["detail"]["finding-severity-counts"] == {
        "HIGH": 1,
        "CRITICAL": 1,
        "INFORMATIONAL": 1,
    }


def test_events_of_scans_that_failed(
    aws: Any, ecr: Any, repository_name: str, tmp_path: Path
) -> None:
    """A scan fails if the program fails or does not support the image."""
    listener = Listener(aws)
    aws.configure(scanner=str(scanner(tmp_path)))
    push(ecr, repository_name, build_image(layers=1), tag="v1")
    ecr.start_image_scan(**REQUEST)
    [event] = [each for each in listener.heard() if each["detail-type"] == "ECR Image Scan"]
    assert event["detail"]["scan-status"] == "FAILED"
    assert event["detail"]["finding-severity-counts"] == {}
