"""Scan findings that a test queues in moto with the extension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from moto_ecr_ext.json_api.scan_results import problem_of_result

from .values import ImageError

# https://github.com/aws/aws-cli/issues/6759, https://github.com/aws/aws-sdk/issues/289
_DESCRIPTIONS = {
    "ACTIVE": "Continuous scan is selected for image.",
    "COMPLETE": "The scan was completed successfully.",
    "PENDING": "Pending start of the image scan.",
}


def _without_none(**members: str | None) -> dict[str, str]:
    return {name: value for name, value in members.items() if value is not None}


def _counted(
    findings: Sequence[Mapping[str, Any]], enhanced_findings: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return ECR's `ImageScanFindings`: findings of either kind, and the counts of their severities."""
    kind = "enhancedFindings" if enhanced_findings else "findings"
    found = [dict(finding) for finding in (*findings, *enhanced_findings)]
    counts = Counter(str(finding["severity"]) for finding in found if "severity" in finding)
    return {kind: found, "findingSeverityCounts": counts}


def queue_scan_findings(
    client: Any,
    repository_name: str,
    findings: Sequence[Mapping[str, Any]] = (),
    *,
    enhanced_findings: Sequence[Mapping[str, Any]] = (),
    tag: str | None = None,
    digest: str | None = None,
    status: str = "COMPLETE",
    description: str | None = None,
) -> None:
    """Queue the result of an image's scan, before or after the scan: findings, or a failure.

    It is for the image of this tag or digest. Without both, it is for the first image of the repository whose findings
    are read. The members of a finding are those of ECR's `ImageScanFinding` or `EnhancedImageScanFinding`; its times
    are texts or seconds since the epoch. Without a `description`, the status has the one that ECR gives it, if any.

    The first result of a scanned image appears at once. A later one replaces it at the image's next scan: the next
    StartImageScan or, if the image is scanned continuously, a day after its last scan by the clock of the process.

    Only moto with the extension supports this: the server at the client's endpoint or, under `mock_aws`, this process.
    Raises ImageError for a severity or a status that ECR does not have.
    """
    import requests  # Imported late, as for pulling.

    if description is None:
        description = _DESCRIPTIONS.get(status)
    result: dict[str, Any] = {
        "registryId": client.describe_registry()["registryId"],
        "repositoryName": repository_name,
        "imageScanStatus": _without_none(status=status, description=description),
        "imageScanFindings": _counted(findings, enhanced_findings),
    }
    problem = problem_of_result(result)
    if problem is not None:
        raise ImageError(problem)
    if tag is not None or digest is not None:
        result["imageId"] = _without_none(imageTag=tag, imageDigest=digest)
    endpoint = client.meta.endpoint_url
    if ".amazonaws." in endpoint:
        endpoint = "https://motoapi.amazonaws.com"
    response = requests.post(
        f"{endpoint}/moto-api/static/ecr/scan-finding-results",
        json={
            "results": [result],
            "account_id": result["registryId"],
            "region": client.meta.region_name,
        },
        timeout=60,
    )
    if response.status_code != 201:
        raise ImageError(f"{endpoint} answered {response.status_code} where findings are queued.")
