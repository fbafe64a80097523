"""Scan findings that a test queues in moto with the extension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from moto_ecr_ext import service_model

from .images import ImageError

# A severity of Amazon Inspector, which ECR's model lacks.
# https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
_OF_INSPECTOR = "UNTRIAGED"
# https://github.com/aws/aws-cli/issues/6759, https://github.com/aws/aws-sdk/issues/289
_DESCRIPTIONS = {
    "ACTIVE": "Continuous scan is selected for image.",
    "COMPLETE": "The scan was completed successfully.",
    "PENDING": "Pending start of the image scan.",
}


def _problem_of_severities(findings: Iterable[Mapping[str, Any]]) -> str | None:
    """Return the problem with the severities of basic or enhanced findings, or None."""
    severities = (*service_model.values_of("FindingSeverity"), _OF_INSPECTOR)
    for finding in findings:
        if finding.get("severity", severities[0]) not in severities:
            return (
                f"{finding['severity']!r} is not the severity of a finding; "
                f"those are {', '.join(severities)}."
            )
    return None


def problem_of_result(result: Mapping[str, Any]) -> str | None:
    """Return the problem with the status, the severities or their counts in the result of a scan, or None."""
    scan_status, found = (
        value if isinstance(value, Mapping) else {}
        for value in (result.get("imageScanStatus"), result.get("imageScanFindings"))
    )
    statuses = service_model.values_of("ScanStatus")
    status = scan_status.get("status", statuses[0])
    if status not in statuses:
        return f"{status!r} is not the status of a scan; those are {', '.join(statuses)}."
    lists = (found.get(kind) for kind in ("findings", "enhancedFindings"))
    findings = [
        each
        for listed in lists
        if isinstance(listed, list)
        for each in listed
        if isinstance(each, Mapping)
    ]
    counts = found.get("findingSeverityCounts")
    counted = [{"severity": each} for each in (counts if isinstance(counts, Mapping) else ())]
    return _problem_of_severities([*findings, *counted])


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

    kind = "enhancedFindings" if enhanced_findings else "findings"
    found = [dict(finding) for finding in (*findings, *enhanced_findings)]
    image_id = {"imageTag": tag, "imageDigest": digest}
    result: dict[str, Any] = {
        "registryId": client.describe_registry()["registryId"],
        "repositoryName": repository_name,
        "imageScanStatus": {"status": status},
        "imageScanFindings": {
            kind: found,
            "findingSeverityCounts": Counter(
                str(finding["severity"]) for finding in found if "severity" in finding
            ),
        },
    }
    if description is None:
        description = _DESCRIPTIONS.get(status)
    if description is not None:
        result["imageScanStatus"]["description"] = description
    problem = problem_of_result(result)
    if problem is not None:
        raise ImageError(problem)
    if tag is not None or digest is not None:
        result["imageId"] = {name: value for name, value in image_id.items() if value is not None}
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
