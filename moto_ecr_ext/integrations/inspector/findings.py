"""Findings and coverage of enhanced scans, as Amazon Inspector shows them.

https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html and
https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListCoverage.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.clock import time_of_text
from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.moto_services.image_uses import usage_of

_Entry = Mapping[str, Any]
_Values = Callable[[_Entry], Iterable[Any]]

# The page size for DescribeImageScanFindings.
_MOST_FINDINGS = 1000

# Inspector's status of the coverage, by ECR's status of the scan.
# https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html
_REASONS = {
    "ACTIVE": ("ACTIVE", "SUCCESSFUL"),
    "COMPLETE": ("INACTIVE", "SCAN_FREQUENCY_SCAN_ON_PUSH"),
    "PENDING": ("ACTIVE", "PENDING_INITIAL_SCAN"),
    "IN_PROGRESS": ("ACTIVE", "PENDING_INITIAL_SCAN"),
    "SCAN_ELIGIBILITY_EXPIRED": ("INACTIVE", "SCAN_ELIGIBILITY_EXPIRED"),
    "UNSUPPORTED_IMAGE": ("INACTIVE", "UNSUPPORTED_OS"),
    "FAILED": ("INACTIVE", "INTERNAL_ERROR"),
}
_FREQUENCIES = {"CONTINUOUS_SCAN", "SCAN_ON_PUSH", "MANUAL"}


def findings(registry: Registry, criteria: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of a registry's images that match `filterCriteria`."""
    return [each for each in _all_findings(registry) if _matches(each, criteria, _FINDING_FILTERS)]


def coverage(registry: Registry, criteria: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the repositories and images with enhanced scanning of a registry that match `filterCriteria`."""
    return [each for each in _all_coverage(registry) if _matches(each, criteria, _COVERAGE_FILTERS)]


def _all_findings(registry: Registry) -> Iterator[dict[str, Any]]:
    backend = registry_backend(registry.account_id, registry.region)
    if not _is_enhanced(backend):
        return
    for repository in backend.all_repositories():
        for image in backend.all_images(repository.repository_name):
            try:
                answer = backend.describe_image_scan_findings(
                    repository.repository_name,
                    {"imageDigest": image.image_digest},
                    max_results=_MOST_FINDINGS,
                )
            except ECRError:
                # The image was never scanned.
                continue
            for each in answer.get("imageScanFindings", {}).get("enhancedFindings", ()):
                yield _finding(each)


def _is_enhanced(backend: Any) -> bool:
    configuration = backend.get_registry_scanning_configuration()["scanningConfiguration"]
    return bool(configuration["scanType"] == "ENHANCED")


def _finding(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding in which ECR's names of members are replaced by Inspector's."""
    finding = {name: value for name, value in found.items() if value is not None}
    if "score" in finding:
        finding["inspectorScore"] = finding.pop("score")
    details = finding.pop("scoreDetails", None)
    if details is not None:
        finding["inspectorScoreDetails"] = {"adjustedCvss": details["cvss"]}
    return finding


def _all_coverage(registry: Registry) -> Iterator[dict[str, Any]]:
    backend = registry_backend(registry.account_id, registry.region)
    if not _is_enhanced(backend):
        return
    for repository in backend.all_repositories():
        [configuration] = backend.batch_get_repository_scanning_configuration(
            [repository.repository_name]
        )["scanningConfigurations"]
        frequency = configuration["scanFrequency"]
        is_scanned = frequency in _FREQUENCIES - {"MANUAL"}
        yield {
            "resourceType": "AWS_ECR_REPOSITORY",
            "resourceId": repository.repository_arn,
            "accountId": registry.account_id,
            "scanType": "PACKAGE",
            "scanStatus": _status(*_coverage_of(frequency))
            if is_scanned
            else _status("INACTIVE", "SCAN_FREQUENCY_MANUAL"),
            "resourceMetadata": {
                "ecrRepository": {
                    "name": repository.repository_name,
                    "scanFrequency": frequency,
                }
            },
        }
        for image in backend.all_images(repository.repository_name):
            yield _covered_image(registry, repository, image)


def _coverage_of(frequency: str) -> tuple[str, str]:
    return (
        ("ACTIVE", "SUCCESSFUL")
        if frequency == "CONTINUOUS_SCAN"
        else ("INACTIVE", "SCAN_FREQUENCY_SCAN_ON_PUSH")
    )


def _status(code: str, reason: str) -> dict[str, str]:
    return {"statusCode": code, "reason": reason}


def _covered_image(registry: Registry, repository: Any, image: Any) -> dict[str, Any]:
    usage = usage_of(registry, repository.repository_name, image.image_digest)
    scan = image.image_scan_status or {}
    metadata = {
        "tags": image.image_tags or [],
        "imagePulledAt": image.last_recorded_pull_time,
        "lastInUseAt": usage.last_in_use_at,
        "inUseCount": usage.in_use_count,
    }
    summary = image.image_scan_findings_summary or {}
    entry = {
        "resourceType": "AWS_ECR_CONTAINER_IMAGE",
        "resourceId": f"{repository.repository_arn}/{image.image_digest}",
        "accountId": registry.account_id,
        "scanType": "PACKAGE",
        "scanStatus": _status(
            *_REASONS.get(scan.get("status", ""), ("INACTIVE", "SCAN_FREQUENCY_MANUAL"))
        ),
        "lastScannedAt": summary.get("imageScanCompletedAt"),
        "resourceMetadata": {
            "ecrImage": {name: value for name, value in metadata.items() if value is not None}
        },
    }
    return {name: value for name, value in entry.items() if value is not None}


def _image(finding: _Entry) -> Mapping[str, Any]:
    resources = finding.get("resources") or [{}]
    image: Mapping[str, Any] = resources[0].get("details", {}).get("awsEcrContainerImage", {})
    return image


def _of_image(name: str) -> _Values:
    return lambda finding: [_image(finding).get(name)]


def _of_finding(name: str) -> _Values:
    return lambda finding: [finding.get(name)]


def _of_details(name: str) -> _Values:
    return lambda finding: [finding.get("packageVulnerabilityDetails", {}).get(name)]


def _of_resource(name: str) -> _Values:
    return lambda finding: [each.get(name) for each in finding.get("resources") or ()]


_FINDING_FILTERS: dict[str, _Values] = {
    "awsAccountId": _of_finding("awsAccountId"),
    "ecrImageArchitecture": _of_image("architecture"),
    "ecrImageHash": _of_image("imageHash"),
    "ecrImageInUseCount": _of_image("inUseCount"),
    "ecrImageLastInUseAt": _of_image("lastInUseAt"),
    "ecrImagePushedAt": _of_image("pushedAt"),
    "ecrImageRegistry": _of_image("registry"),
    "ecrImageRepositoryName": _of_image("repositoryName"),
    "ecrImageTags": lambda finding: _image(finding).get("imageTags") or [],
    "exploitAvailable": _of_finding("exploitAvailable"),
    "findingArn": _of_finding("findingArn"),
    "findingStatus": _of_finding("status"),
    "findingType": _of_finding("type"),
    "firstObservedAt": _of_finding("firstObservedAt"),
    "fixAvailable": _of_finding("fixAvailable"),
    "inspectorScore": _of_finding("inspectorScore"),
    "lastObservedAt": _of_finding("lastObservedAt"),
    "resourceId": _of_resource("id"),
    "resourceType": _of_resource("type"),
    "severity": _of_finding("severity"),
    "title": _of_finding("title"),
    "updatedAt": _of_finding("updatedAt"),
    "vendorSeverity": _of_details("vendorSeverity"),
    "vulnerabilityId": _of_details("vulnerabilityId"),
    "vulnerabilitySource": _of_details("source"),
}


def _of_metadata(kind: str, name: str) -> _Values:
    return lambda entry: [entry["resourceMetadata"].get(kind, {}).get(name)]


def _name_of_repository(entry: _Entry) -> list[str]:
    name: str = entry["resourceId"].partition(":repository/")[2]
    return [name.partition("/sha256:")[0]]


_COVERAGE_FILTERS: dict[str, _Values] = {
    "accountId": _of_finding("accountId"),
    "ecrImageInUseCount": _of_metadata("ecrImage", "inUseCount"),
    "ecrImageLastInUseAt": _of_metadata("ecrImage", "lastInUseAt"),
    "ecrImageTags": lambda entry: entry["resourceMetadata"].get("ecrImage", {}).get("tags", []),
    "ecrRepositoryName": _name_of_repository,
    "imagePulledAt": _of_metadata("ecrImage", "imagePulledAt"),
    "lastScannedAt": _of_finding("lastScannedAt"),
    "resourceId": _of_finding("resourceId"),
    "resourceType": _of_finding("resourceType"),
    "scanStatusCode": lambda entry: [entry["scanStatus"]["statusCode"]],
    "scanStatusReason": lambda entry: [entry["scanStatus"]["reason"]],
    "scanType": _of_finding("scanType"),
}


def _matches(entry: _Entry, criteria: Mapping[str, Any], filters: Mapping[str, _Values]) -> bool:
    """Return True if an entry meets all criteria: of each, all negated filters and one of the others.

    An entry of an image meets no criterion about a member that it lacks.
    """
    for name, given in criteria.items():
        values = list(filters[name](entry)) if name in filters else []
        negated = [each for each in given if each.get("comparison") == "NOT_EQUALS"]
        others = [each for each in given if each not in negated]
        if any(each["value"] in values for each in negated):
            return False
        if others and not any(_meets(value, each) for each in others for value in values):
            return False
    return True


def _meets(value: Any, criterion: Mapping[str, Any]) -> bool:
    if value is None:
        return False
    if "comparison" in criterion:
        wanted = str(criterion["value"])
        if criterion["comparison"] == "PREFIX":
            return str(value).startswith(wanted)
        return str(value) == wanted
    lowest = criterion.get("lowerInclusive", criterion.get("startInclusive"))
    highest = criterion.get("upperInclusive", criterion.get("endInclusive"))
    number = _number(value)
    return (lowest is None or number >= _number(lowest)) and (
        highest is None or number <= _number(highest)
    )


def _number(value: Any) -> float:
    """Return a number, or a time in seconds since the epoch."""
    if isinstance(value, str):
        return time_of_text(value)
    return value.timestamp() if isinstance(value, datetime) else float(value)
