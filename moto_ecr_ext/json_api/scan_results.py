"""Results of DescribeImageScanFindings that a test queues, checked against the model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from moto_ecr_ext import service_model

# A severity of Amazon Inspector, which ECR's model lacks.
# https://docs.aws.amazon.com/inspector/v2/APIReference/API_Finding.html
_OF_INSPECTOR = "UNTRIAGED"


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
