"""Enhanced scans that are continuous: what is found later appears at the next scan, a day after the last one.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import build_image, push, queue_scan_findings
from support.constants import BEGINNING, OTHER_ACCOUNT
from support.listener import Listener
from support.scanning import debian_image, scanner

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
IMAGE = build_image(layers=1)
DEBIAN = debian_image()
NOTHING = """
    import json
    system = {"Family": "debian", "Name": "12.1"}
    print(json.dumps({"SchemaVersion": 2, "Metadata": {"OS": system}, "Results": []}))
"""
FAILURE = "raise SystemExit('no database')"


def finding(name: str) -> dict[str, Any]:
    return {
        "title": f"{name} - zlib",
        "severity": "HIGH",
        "type": "PACKAGE_VULNERABILITY",
        "packageVulnerabilityDetails": {"vulnerabilityId": name},
    }


OLD, NEW = finding("CVE-2026-1"), finding("CVE-2026-2")


def scan(ecr: Any, frequency: str) -> None:
    """Have all repositories scanned this often."""
    filters = [{"filter": "*", "filterType": "WILDCARD"}]
    ecr.put_registry_scanning_configuration(
        scanType="ENHANCED", rules=[{"scanFrequency": frequency, "repositoryFilters": filters}]
    )


@pytest.fixture
def continuous(clock: Any, ecr: Any, repository_name: str) -> Any:
    """A client of a registry whose images are scanned continuously."""
    scan(ecr, "CONTINUOUS_SCAN")
    return ecr


def queue(ecr: Any, *findings: dict[str, Any], tag: str = "v1") -> None:
    queue_scan_findings(ecr, "team/app", enhanced_findings=findings, tag=tag, status="ACTIVE")


def answer(ecr: Any, tag: str = "v1") -> dict[str, Any]:
    found: dict[str, Any] = ecr.describe_image_scan_findings(
        repositoryName="team/app", imageId={"imageTag": tag}
    )
    return found


def names(ecr: Any, tag: str = "v1") -> list[str]:
    """The vulnerabilities of an image, which both operations must return."""
    found = answer(ecr, tag)["imageScanFindings"]
    [detail] = ecr.describe_images(repositoryName="team/app", imageIds=[{"imageTag": tag}])[
        "imageDetails"
    ]
    counts = detail["imageScanFindingsSummary"]["findingSeverityCounts"]
    assert counts == found["findingSeverityCounts"]
    return [
        each["packageVulnerabilityDetails"]["vulnerabilityId"]
        for each in found.get("enhancedFindings", ())
    ]


def test_a_finding_that_is_queued_later(clock: Any, continuous: Any) -> None:
    """A later finding appears at the next scan, a day after the last one, and stays."""
    queue(continuous, OLD)
    push(continuous, "team/app", IMAGE, tag="v1")
    assert names(continuous) == ["CVE-2026-1"]
    queue(continuous, OLD, NEW)
    clock.tick(DAY - MINUTE)
    assert names(continuous) == ["CVE-2026-1"]
    clock.tick(MINUTE)
    for _ in range(2):
        assert names(continuous) == ["CVE-2026-1", "CVE-2026-2"]
    queue(continuous)
    clock.tick(DAY)
    assert names(continuous) == []


def test_each_image_has_its_day(clock: Any, continuous: Any) -> None:
    """The next scan of one image is not that of another, which was pushed later."""
    for tag, image in (("v1", IMAGE), ("v2", DEBIAN)):
        queue(continuous, OLD, tag=tag)
        push(continuous, "team/app", image, tag=tag)
        assert names(continuous, tag) == ["CVE-2026-1"]
        queue(continuous, NEW, tag=tag)
        clock.tick(DAY / 2)
    assert (names(continuous), names(continuous, "v2")) == (["CVE-2026-2"], ["CVE-2026-1"])
    clock.tick(DAY / 2)
    assert (names(continuous), names(continuous, "v2")) == (["CVE-2026-2"], ["CVE-2026-2"])


def test_registries_that_do_not_scan(clock: Any, aws: Any, ecr: Any, repository_name: str) -> None:
    """Registries whose images are scanned once, configured before and after, do not keep this one from its scans."""
    scan(aws.client(region="eu-west-1"), "SCAN_ON_PUSH")
    scan(aws.client(account=OTHER_ACCOUNT), "SCAN_ON_PUSH")
    scan(ecr, "CONTINUOUS_SCAN")
    scan(aws.client(region="us-west-2"), "SCAN_ON_PUSH")
    queue(ecr, OLD)
    push(ecr, repository_name, IMAGE, tag="v1")
    assert names(ecr) == ["CVE-2026-1"]
    queue(ecr, NEW)
    clock.tick(DAY)
    assert names(ecr) == ["CVE-2026-2"]


def test_the_first_findings_of_an_image(clock: Any, continuous: Any) -> None:
    """The first findings appear at once, even after an answer without any; later ones appear at the next scan."""
    push(continuous, "team/app", IMAGE, tag="v1")
    assert names(continuous) == []
    queue(continuous, OLD)
    assert names(continuous) == ["CVE-2026-1"]
    queue(continuous, NEW)
    assert names(continuous) == ["CVE-2026-1"]
    clock.tick(DAY)
    assert names(continuous) == ["CVE-2026-2"]
    assert answer(continuous)["imageScanStatus"] == {
        "status": "ACTIVE",
        "description": "Continuous scan is selected for image.",
    }


def test_each_identifier_sees_it(clock: Any, continuous: Any) -> None:
    """Each tag shows the latest findings, in whatever order the tags are asked about."""
    queue(continuous, OLD)
    push(continuous, "team/app", IMAGE, tag="v1")
    push(continuous, "team/app", IMAGE, tag="v2")
    assert names(continuous) == names(continuous, "v2") == ["CVE-2026-1"]
    queue(continuous, NEW)
    clock.tick(DAY)
    assert names(continuous, "v2") == names(continuous) == ["CVE-2026-2"]


def test_an_image_that_is_scanned_once(clock: Any, ecr: Any, repository_name: str) -> None:
    """An image that is scanned once keeps its findings until continuous scanning begins."""
    scan(ecr, "SCAN_ON_PUSH")
    queue(ecr, OLD)
    push(ecr, repository_name, IMAGE, tag="v1")
    assert names(ecr) == ["CVE-2026-1"]
    queue(ecr, NEW)
    clock.tick(2 * DAY)
    assert names(ecr) == ["CVE-2026-1"]
    scan(ecr, "CONTINUOUS_SCAN")
    assert names(ecr) == ["CVE-2026-2"]


def test_an_image_that_is_too_old(clock: Any, continuous: Any) -> None:
    """An image is scanned for 14 days after its push."""
    queue(continuous, OLD)
    push(continuous, "team/app", IMAGE, tag="v1")
    first = answer(continuous)["imageScanFindings"]["findingSeverityCounts"]
    assert first == {"HIGH": 1}
    clock.tick(15 * DAY)
    queue(continuous, NEW)
    [found] = answer(continuous)["imageScanFindings"]["enhancedFindings"]
    assert found["title"] == OLD["title"]


def test_the_time_of_the_last_scan(clock: Any, continuous: Any) -> None:
    """The time is that of the latest scan; an image is scanned every day."""
    push(continuous, "team/app", IMAGE, tag="v1")
    first = answer(continuous)["imageScanFindings"]["imageScanCompletedAt"]
    clock.tick(DAY - HOUR)
    assert answer(continuous)["imageScanFindings"]["imageScanCompletedAt"] == first
    for passed in (2 * DAY - HOUR, 6 * DAY):
        clock.move_to(BEGINNING + passed)
        found = answer(continuous)
        assert found["imageScanStatus"]["status"] == "ACTIVE"
        assert found["imageScanFindings"]["imageScanCompletedAt"] == BEGINNING + passed


def test_what_the_scanner_finds_later(
    clock: Any, aws: Any, continuous: Any, tmp_path: Path
) -> None:
    """A finding that stays keeps the time at which it was first observed."""
    program = scanner(tmp_path / "first", text=NOTHING)
    aws.configure(scanner=str(program))
    push(continuous, "team/app", DEBIAN, tag="v1")
    assert names(continuous) == []
    aws.configure(scanner=str(scanner(tmp_path / "later")))
    clock.tick(DAY - HOUR)
    assert names(continuous) == []
    clock.tick(HOUR)
    found = answer(continuous)["imageScanFindings"]["enhancedFindings"]
    assert len(found) == 4
    clock.tick(DAY)
    again = answer(continuous)["imageScanFindings"]["enhancedFindings"]
    assert [each["findingArn"] for each in again] == [each["findingArn"] for each in found]
    for before, after in zip(found, again, strict=True):
        assert after["firstObservedAt"] == before["firstObservedAt"]
        assert after["lastObservedAt"] == before["lastObservedAt"] + DAY


def test_a_scanner_that_fails_later(clock: Any, aws: Any, continuous: Any, tmp_path: Path) -> None:
    """Findings stay after a failed scan, and the next day has another scan."""
    aws.configure(scanner=str(scanner(tmp_path / "good")))
    push(continuous, "team/app", DEBIAN, tag="v1")
    found = names(continuous)
    assert len(found) == 4
    aws.configure(scanner=str(scanner(tmp_path / "bad", text=FAILURE)))
    clock.tick(DAY)
    assert names(continuous) == found
    aws.configure(scanner=str(scanner(tmp_path / "empty", text=NOTHING)))
    clock.tick(DAY)
    assert names(continuous) == []


def test_a_scan_that_failed_at_first(clock: Any, aws: Any, continuous: Any, tmp_path: Path) -> None:
    """A scan that failed at first is repeated."""
    aws.configure(scanner=str(scanner(tmp_path / "bad", text=FAILURE)))
    push(continuous, "team/app", DEBIAN, tag="v1")
    assert answer(continuous)["imageScanStatus"]["status"] == "FAILED"
    aws.configure(scanner=str(scanner(tmp_path / "good")))
    clock.tick(DAY)
    assert answer(continuous)["imageScanStatus"]["status"] == "ACTIVE"
    assert len(names(continuous)) == 4


def test_events(clock: Any, aws: Any, continuous: Any, tmp_path: Path) -> None:
    """Amazon Inspector sends events of new findings, and no second event of an initial scan.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
    """
    listener = Listener(aws, source="aws.inspector2")
    queue(continuous, OLD)
    push(continuous, "team/app", IMAGE, tag="v1")
    assert [each["detail-type"] for each in listener.heard()] == [
        "Inspector2 Scan",
        "Inspector2 Finding",
    ]
    answer(continuous)
    queue(continuous, OLD, NEW)
    aws.configure(scanner=str(scanner(tmp_path)))
    push(continuous, "team/app", DEBIAN, tag="v2")
    assert len(listener.heard()) == 5
    clock.tick(DAY)
    names(continuous)
    [heard] = listener.heard()
    assert heard["detail-type"] == "Inspector2 Finding"
    assert heard["detail"]["title"] == NEW["title"]
