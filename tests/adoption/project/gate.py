"""A gate that lets no image pass that has grave vulnerabilities."""

from __future__ import annotations

from typing import Any

SEVERITIES = ["LOW", "MEDIUM", "HIGH", "CRITICAL"]


def findings(ecr: Any, name: str, tag: str) -> list[dict[str, Any]]:
    """Scan an image, and return what is found."""
    image = {"imageTag": tag}
    ecr.start_image_scan(repositoryName=name, imageId=image)
    answer = ecr.describe_image_scan_findings(repositoryName=name, imageId=image)
    return answer["imageScanFindings"]["findings"]


def passes(ecr: Any, name: str, tag: str, below: str = "HIGH") -> bool:
    """Return whether all that is found is less than a severity."""
    grave = SEVERITIES[SEVERITIES.index(below) :]
    return not any(each["severity"] in grave for each in findings(ecr, name, tag))
