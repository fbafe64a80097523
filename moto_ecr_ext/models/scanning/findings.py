"""Findings of a scan, in ECR's two shapes: one for basic and one for enhanced scanning.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html has an example of each.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from moto_ecr_ext.arns import Registry, partition_of
from moto_ecr_ext.clock import time_of_text
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.moto_services.image_uses import usage_of
from moto_ecr_ext.scanners.report import Report, Score, Vulnerability

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
_UNSUPPORTED = (
    "UnsupportedImageError: The operating system and/or package manager are not supported."
)


@dataclass(frozen=True)
class ScanOutcome:
    """The status of a scan that has ended, and its findings."""

    status: str
    description: str
    findings: list[dict[str, Any]] = field(default_factory=list)
    severity_counts: dict[str, int] = field(default_factory=dict)

    @property
    def image_scan_status(self) -> dict[str, str]:
        """ECR's `ImageScanStatus`."""
        return {"status": self.status, "description": self.description}


FOUND_NOTHING = ScanOutcome("COMPLETE", "The scan was completed successfully.")
INTERRUPTED = ScanOutcome("FAILED", "The scan was interrupted.")
FAILED = ScanOutcome("FAILED", "The scan failed.")
# More images than the quota of a day. AWS's text is not known.
LIMIT_EXCEEDED = ScanOutcome("LIMIT_EXCEEDED", "The quota of image scans has been exceeded.")
UNSUPPORTED_IMAGE = ScanOutcome("UNSUPPORTED_IMAGE", _UNSUPPORTED)
# AWS does not say what the descriptions of these two are. The second is the text of ImageArchivedException.
LIMIT_EXCEEDED = ScanOutcome(
    "LIMIT_EXCEEDED", "The scan quota per registry has been exceeded. Wait and try again."
)
IMAGE_ARCHIVED = ScanOutcome(
    "IMAGE_ARCHIVED", "The specified image is archived and cannot be scanned."
)
# The text is from https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html
EXPIRED = ScanOutcome(
    "SCAN_ELIGIBILITY_EXPIRED", "The configured scan duration has lapsed for this image."
)


# The statuses of scans that succeeded, with findings or without.
WITH_FINDINGS = ("COMPLETE", "ACTIVE")


def outcome_of(result: dict[str, Any]) -> ScanOutcome:
    """Return the outcome in a response of DescribeImageScanFindings."""
    status, found = result.get("imageScanStatus", {}), result.get("imageScanFindings", {})
    return ScanOutcome(
        status.get("status", FOUND_NOTHING.status),
        status.get("description", FOUND_NOTHING.description),
        found.get("findings") or found.get("enhancedFindings") or [],
        found.get("findingSeverityCounts", {}),
    )


def made_up_finding() -> dict[str, Any]:
    """Return the finding that moto reports for every image."""
    name = "CVE-9999-9999"
    attributes = {
        "package_version": "9.9.9",
        "package_name": "moto_fake",
        "CVSS2_VECTOR": "AV:N/AC:L/Au:N/C:P/I:P/A:P",
        "CVSS2_SCORE": "7.5",
    }
    finding = {
        "name": name,
        "uri": f"https://cve.mitre.org/cgi-bin/cvename.cgi?name={name}",
        "severity": "HIGH",
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }
    return {"findings": [finding], "findingSeverityCounts": {"HIGH": 1}}


def _successful(findings: list[dict[str, Any]]) -> ScanOutcome:
    """Return the outcome of a successful scan."""
    counts = Counter(each["severity"] for each in findings)
    return replace(FOUND_NOTHING, findings=findings, severity_counts=dict(counts))


@dataclass(frozen=True)
class ScannedImage:
    """The image of an enhanced finding."""

    repository: Repository
    digest: str
    tags: Sequence[str]
    pushed_at: float
    scanned_at: float


def basic_outcome(report: Report) -> ScanOutcome:
    """Return the outcome of a basic scan. It covers packages of the operating system only, and fails without one.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html
    """
    if report.system is None:
        return ScanOutcome("FAILED", _UNSUPPORTED)
    findings = [
        _basic_finding(each) for each in report.vulnerabilities if each.package_type == "OS"
    ]
    return _successful(findings)


def _basic_finding(found: Vulnerability) -> dict[str, Any]:
    attributes = {"package_version": found.package_version, "package_name": found.package_name}
    for score in _best_of_each_version(found.scores):
        attributes[f"CVSS{score.version[0]}_VECTOR"] = score.vector
        attributes[f"CVSS{score.version[0]}_SCORE"] = str(score.score)
    return {
        "name": found.name,
        "description": found.description,
        "uri": found.uri,
        "severity": found.severity,
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


def enhanced_outcome(report: Report, image: ScannedImage) -> ScanOutcome:
    """Return the outcome of an enhanced scan. It covers packages of programming languages as well.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
    """
    if report.system is None and not report.vulnerabilities:
        return UNSUPPORTED_IMAGE
    return _successful([_enhanced_finding(each, report, image) for each in report.vulnerabilities])


def _enhanced_finding(found: Vulnerability, report: Report, image: ScannedImage) -> dict[str, Any]:
    finding: dict[str, Any] = {
        "awsAccountId": image.repository.registry_id,
        "description": found.description,
        "findingArn": _finding_arn(image, found.name, found.package_name, found.file_path),
        "firstObservedAt": image.scanned_at,
        "lastObservedAt": image.scanned_at,
        "updatedAt": image.scanned_at,
        "packageVulnerabilityDetails": {
            "cvss": [
                {
                    "baseScore": score.score,
                    "scoringVector": score.vector,
                    "source": score.source.upper(),
                    "version": score.version,
                }
                for score in found.scores
            ],
            "referenceUrls": list(found.references),
            "relatedVulnerabilities": list(found.related),
            "source": found.source.upper() if found.source else None,
            "sourceUrl": found.uri,
            "vendorCreatedAt": _time(found.published_at),
            "vendorUpdatedAt": _time(found.updated_at),
            "vendorSeverity": found.vendor_severity,
            "vulnerabilityId": found.name,
            "vulnerablePackages": [_package(found, report)],
        },
        "remediation": {"recommendation": {"text": "None Provided"}},
        "resources": [_resource(image, **_system(report))],
        "severity": found.severity,
        "status": "ACTIVE",
        "title": f"{found.name} - {found.package_name}",
        "type": "PACKAGE_VULNERABILITY",
        "fixAvailable": "YES" if found.fixed_version else "NO",
        "exploitAvailable": "YES" if found.is_exploited else "NO",
    }
    best = max(_best_of_each_version(found.scores), key=lambda each: each.version, default=None)
    if best is not None:
        finding["score"] = best.score
        finding["scoreDetails"] = {
            "cvss": {
                "adjustments": [],
                "score": best.score,
                "scoreSource": best.source.upper(),
                "scoringVector": best.vector,
                "version": best.version,
            }
        }
    return finding


def announced_finding(finding: dict[str, Any], image: ScannedImage) -> dict[str, Any]:
    """Return an enhanced finding as events have it: with the members that a queued finding may lack."""
    details = finding.get("packageVulnerabilityDetails") or {}
    return {
        "awsAccountId": image.repository.registry_id,
        "findingArn": _finding_arn(
            image, finding.get("title"), details.get("vulnerabilityId"), finding.get("description")
        ),
        "resources": [_resource(image)],
        **{name: value for name, value in finding.items() if value is not None},
    }


def _finding_arn(image: ScannedImage, *about: str | None) -> str:
    """Return the ARN of a finding, which is the same in every scan of the image."""
    about = (image.repository.repository_arn, image.digest, *about)
    name = hashlib.sha256(repr(about).encode()).hexdigest()[:32]
    region = image.repository.region
    return (
        f"arn:{partition_of(region)}:inspector2:{region}"
        f":{image.repository.registry_id}:finding/{name}"
    )


# The version syntax of Debian and RPM: `[epoch:]version[-release]`.
_PARTS = re.compile(r"(?:(\d+):)?(.+?)(?:-([^-]+))?")


def _package(found: Vulnerability, report: Report) -> dict[str, Any]:
    epoch, version, release = 0, found.package_version, None
    parts = _PARTS.fullmatch(version)
    if found.package_type == "OS" and parts:
        epoch, version, release = int(parts[1] or 0), parts[2], parts[3]
    return {
        "arch": report.architecture.upper() if report.architecture else None,
        "epoch": epoch,
        "filePath": found.file_path,
        "fixedInVersion": found.fixed_version or "NotAvailable",
        "name": found.package_name,
        "packageManager": found.package_type,
        "release": release,
        "sourceLayerHash": found.layer,
        "version": version,
    }


def _system(report: Report) -> dict[str, Any]:
    version = report.version or ""
    if report.system == "debian":
        version = version.partition(".")[0]
    system = f"{report.system} {version}" if report.system else "unknown"
    return {
        "architecture": report.architecture,
        "platform": re.sub(r"\W+", "_", system.strip()).upper(),
    }


def _resource(image: ScannedImage, **system: Any) -> dict[str, Any]:
    return {
        "details": {
            "awsEcrContainerImage": {
                **system,
                "imageHash": image.digest,
                "imageTags": list(image.tags),
                "pushedAt": image.pushed_at,
                "registry": image.repository.registry_id,
                "repositoryName": image.repository.repository_name,
            }
        },
        "id": f"{image.repository.repository_arn}/{image.digest}",
        "tags": {},
        "type": "AWS_ECR_CONTAINER_IMAGE",
    }


def with_usage(
    findings: Sequence[dict[str, Any]], repository: Repository, digest: str
) -> list[dict[str, Any]]:
    """Return enhanced findings with the current usage of their image."""
    registry = Registry(repository.registry_id, repository.region)
    usage = usage_of(registry, repository.repository_name, digest)
    members: dict[str, Any] = {"inUseCount": usage.in_use_count}
    if usage.last_in_use_at is not None:
        members["lastInUseAt"] = usage.last_in_use_at
    return [
        {**each, "resources": [_with_members(one, members) for one in each.get("resources", ())]}
        for each in findings
    ]


def _with_members(resource: dict[str, Any], members: dict[str, Any]) -> dict[str, Any]:
    image = resource.get("details", {}).get("awsEcrContainerImage")
    if image is None:
        return resource
    return {**resource, "details": {"awsEcrContainerImage": {**image, **members}}}


def _best_of_each_version(scores: Iterable[Score]) -> list[Score]:
    """Return one score for each major version of CVSS: the one of the national database, or else the first."""
    best: dict[str, Score] = {}
    for score in scores:
        major = score.version[0]
        if major not in best or (_is_national(score) and not _is_national(best[major])):
            best[major] = score
    return [best[major] for major in sorted(best)]


def _is_national(score: Score) -> bool:
    return score.source.lower().startswith("nvd")


def _time(text: str | None) -> float | None:
    """Return a time of a report in seconds since the epoch; None if it is missing or malformed."""
    try:
        return time_of_text(text) if text else None
    except ValueError:
        return None
