"""Scan statuses of images, and summaries of their findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from moto_ecr_ext.clock import now
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import ImageRow
from moto_ecr_ext.storage.rows.scans import ScanRow, ScanSummaryRow

from .findings import EXPIRED, INTERRUPTED, WITH_FINDINGS
from .queued_findings import queue_of
from .rules import configuration_for, scanning_of
from .scan import is_too_old

# Seconds. A scan that takes longer was interrupted: its process was killed.
_LONGEST_SCAN = 60 * 60
# The text is from https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html
_PENDING = {
    "status": "PENDING",
    "description": "This resource has been identified for scanning, results will be available soon.",
}
_CONTINUOUS = {"status": "ACTIVE", "description": "Continuous scan is selected for image."}


class ScanSummary(NamedTuple):
    """ECR's `ImageScanStatus`, and its `ImageScanFindingsSummary` if the scan succeeded."""

    status: dict[str, Any]
    findings_summary: dict[str, Any] | None


def scan_summaries(
    registry: RegistryBackend,
    view: View,
    repository: Repository,
    images: Sequence[ImageRow],
    tags: Mapping[int, list[str]],
) -> dict[int, ScanSummary]:
    """Return the summaries of enhanced scans of images in the order of push, by their rows.

    There are none for basic scanning, which is AWS's own.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
    """
    configuration = configuration_for(registry, view, repository)
    if configuration["scanType"] != "ENHANCED" or not images:
        return {}
    frequency = scanning_of(repository, configuration)["scanFrequency"]
    images_by_id = {row.id: row for row in images}
    found: dict[int, ScanSummary] = {}
    for scan in rows.scans.summaries(view, images[0].id, images[-1].id, "ENHANCED"):
        image = images_by_id.get(scan.image_id)
        if image is None:
            continue  # Images of other repositories lie between those of this one.
        status, summary = status_of(scan, image, frequency), summary_of(scan)
        names = {image.digest, *tags.get(image.id, ())}
        queued = scan.completed_at and queue_of(registry, repository).peek(
            repository.repository_name, image.id, names
        )
        if queued:
            status = queued.get("imageScanStatus", status)
            summary = queued.get("imageScanFindings", summary)
        has_findings = status.get("status") in WITH_FINDINGS
        found[image.id] = ScanSummary(status, summary if has_findings else None)
    return found


def status_of(scan: ScanRow | ScanSummaryRow, image: ImageRow, frequency: str) -> dict[str, Any]:
    """Return the `ImageScanStatus` of an image's scan, in a repository with this scan frequency."""
    if scan.completed_at is None:
        if scan.status == "IN_PROGRESS" and now() - scan.started_at > _LONGEST_SCAN:
            return INTERRUPTED.image_scan_status
        return {"status": "IN_PROGRESS"} if scan.scan_type == "BASIC" else _PENDING
    if (
        scan.scan_type == "ENHANCED"
        and scan.status == "COMPLETE"
        and frequency == "CONTINUOUS_SCAN"
    ):
        return EXPIRED.image_scan_status if is_too_old(image) else _CONTINUOUS
    return {"status": scan.status, "description": scan.description}


def summary_of(scan: ScanRow | ScanSummaryRow) -> dict[str, Any]:
    """Return the `ImageScanFindingsSummary` of a scan that has ended."""
    return {
        "imageScanCompletedAt": scan.completed_at,
        "vulnerabilitySourceUpdatedAt": scan.completed_at,
        "findingSeverityCounts": scan.severity_counts,
    }
