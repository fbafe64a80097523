"""Findings in ECR's shapes, of vulnerabilities that a scanner has reported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.scanning.findings import ScannedImage, basic_outcome, enhanced_outcome
from moto_ecr_ext.scanners.report import Report, Score, Vulnerability
from support.constants import ACCOUNT

REPOSITORY = Repository(
    id=1,
    registry_id=ACCOUNT,
    region="us-east-1",
    repository_name="team/app",
    created_at=0.0,
    image_tag_mutability="MUTABLE",
    image_tag_mutability_exclusion_filters=None,
    scan_on_push=False,
    encryption_configuration={},
    resource_tags={},
    policy_text=None,
    lifecycle_policy_text=None,
    last_evaluated_at=None,
)
IMAGE = ScannedImage(REPOSITORY, f"sha256:{'a' * 64}", ["v1"], 1.0, 2.0)
V2 = Score("2.0", 4.6, "AV:L/AC:L/Au:N/C:P/I:P/A:P", "nvd")
REDHAT = Score("3.1", 5.0, "CVSS:3.1/AV:L", "redhat")
NATIONAL = Score("3.0", 7.0, "CVSS:3.0/AV:N", "nvd@nist.gov")
V4 = Score("4.0", 9.0, "CVSS:4.0/AV:N", "ghsa")


def vulnerability(*scores: Score, **members: Any) -> Vulnerability:
    about = {
        "name": "CVE-1",
        "severity": "HIGH",
        "vendor_severity": "High",
        "package_name": "a",
        "package_version": "1.0",
        "package_type": "OS",
        "scores": scores,
    }
    return Vulnerability(**{**about, **members})


def report(*vulnerabilities: Vulnerability, system: str | None = "debian") -> Report:
    return Report(system, "12.1", "amd64", vulnerabilities)


@pytest.mark.parametrize(
    ("scores", "shown"),
    [
        ([], {}),
        ([V2], {"CVSS2_VECTOR": V2.vector, "CVSS2_SCORE": "4.6"}),
        ([REDHAT, NATIONAL], {"CVSS3_VECTOR": NATIONAL.vector, "CVSS3_SCORE": "7.0"}),
        ([NATIONAL, REDHAT], {"CVSS3_VECTOR": NATIONAL.vector, "CVSS3_SCORE": "7.0"}),
        (
            [V4, REDHAT],
            {
                "CVSS3_VECTOR": REDHAT.vector,
                "CVSS3_SCORE": "5.0",
                "CVSS4_VECTOR": V4.vector,
                "CVSS4_SCORE": "9.0",
            },
        ),
    ],
)
def test_scores_of_a_basic_finding(scores: list[Score], shown: dict[str, str]) -> None:
    """A basic finding has one score of each version of CVSS: that of the national database, or else the first."""
    [finding] = basic_outcome(report(vulnerability(*scores))).findings
    attributes = {each["key"]: each["value"] for each in finding["attributes"]}
    assert attributes == {"package_version": "1.0", "package_name": "a", **shown}


def test_the_score_of_an_enhanced_finding() -> None:
    """The score is that of the latest CVSS version; scores of all versions are listed."""
    [finding] = enhanced_outcome(report(vulnerability(V2, REDHAT, NATIONAL, V4)), IMAGE).findings
    assert finding["score"] == 9.0
    assert finding["scoreDetails"]["cvss"]["scoreSource"] == "GHSA"
    listed = finding["packageVulnerabilityDetails"]["cvss"]
    assert [each["source"] for each in listed] == ["NVD", "REDHAT", "NVD@NIST.GOV", "GHSA"]


def test_packages_of_languages() -> None:
    """A basic scan ignores packages of languages; an enhanced scan needs no operating system."""
    found = vulnerability(package_type="GOBINARY", package_version="v1.0-rc1", file_path="app")
    outcome = basic_outcome(report(vulnerability(), found))
    assert outcome.severity_counts == {"HIGH": 1}
    assert basic_outcome(report(found, system=None)).status == "FAILED"
    outcome = enhanced_outcome(report(found, system=None), IMAGE)
    assert outcome.status == "COMPLETE"
    [package] = outcome.findings[0]["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert (package["version"], package["release"], package["epoch"]) == ("v1.0-rc1", None, 0)
    assert package["filePath"] == "app"
    [resource] = outcome.findings[0]["resources"]
    assert resource["details"]["awsEcrContainerImage"]["platform"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("1.0", (0, "1.0", None)),
        ("2:1.0-3", (2, "1.0", "3")),
        ("1.0-beta-3.el9", (0, "1.0-beta", "3.el9")),
        ("3.1.4-r5", (0, "3.1.4", "r5")),
    ],
)
def test_versions_of_packages(text: str, parts: tuple[int, str, str | None]) -> None:
    """Versions of packages are split into their parts, as distributions write them."""
    [finding] = enhanced_outcome(report(vulnerability(package_version=text)), IMAGE).findings
    [package] = finding["packageVulnerabilityDetails"]["vulnerablePackages"]
    assert (package["epoch"], package["version"], package["release"]) == parts


@pytest.mark.parametrize(
    ("region", "partition"),
    [("us-east-1", "aws"), ("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")],
)
def test_the_arn_of_a_finding(region: str, partition: str) -> None:
    """The ARN of a finding is in the partition of its Region.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html, "Partitions"
    """
    image = replace(IMAGE, repository=replace(REPOSITORY, region=region))
    [finding] = enhanced_outcome(report(vulnerability()), image).findings
    about = f"arn:{partition}:inspector2:{region}:{ACCOUNT}:finding/"
    assert finding["findingArn"].startswith(about)


def test_the_name_of_a_finding() -> None:
    """The name of a finding is the same in every scan, and differs by package, image and vulnerability."""
    other = ScannedImage(REPOSITORY, f"sha256:{'b' * 64}", [], 1.0, 9.0)
    later = ScannedImage(REPOSITORY, IMAGE.digest, ["v2"], 1.0, 9.0)
    first, second, third = (
        vulnerability(),
        vulnerability(name="CVE-2"),
        vulnerability(package_name="b"),
    )

    def names(image: ScannedImage, *found: Vulnerability) -> list[str]:
        return [each["findingArn"] for each in enhanced_outcome(report(*found), image).findings]

    assert names(IMAGE, first) == names(later, first)
    assert len({*names(IMAGE, first, second, third), *names(other, first)}) == 4


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2025-01-26T06:15:21Z", 1737872121.0),
        ("2025-01-26T06:15:21+00:00", 1737872121.0),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_of_a_report(text: str | None, time: float | None) -> None:
    """Times are seconds since the epoch; an unreadable time is None."""
    [finding] = enhanced_outcome(report(vulnerability(published_at=text)), IMAGE).findings
    assert finding["packageVulnerabilityDetails"]["vendorCreatedAt"] == time
