"""The last scan of an image. Queued findings stay in the queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.scanning.findings import WITH_FINDINGS, made_up_finding, with_usage
from moto_ecr_ext.models.scanning.queued_findings import queue_of
from moto_ecr_ext.models.scanning.rules import configuration_for, scanning_of
from moto_ecr_ext.models.scanning.summaries import status_of
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import ImageRow


@dataclass(frozen=True, slots=True)
class ShownScan:
    """A scan: ECR's status and its description, the time of its end, in seconds since the epoch, and its findings.

    `findings` are those of DescribeImageScanFindings, basic or enhanced.
    """

    scan_type: str
    status: str
    description: str
    completed_at: float | None
    findings: Sequence[dict[str, Any]]


def shown_scan(
    registry: RegistryBackend,
    view: View,
    repository: Repository,
    image: ImageRow,
    tags: Sequence[str],
) -> ShownScan | None:
    """Return the last scan of an image of the registry's scan type; None if there is no such scan."""
    configuration = configuration_for(registry, view, repository)
    scan = rows.scans.last(view, image.id, configuration["scanType"])
    if scan is None:
        return None
    status = status_of(scan, image, scanning_of(repository, configuration)["scanFrequency"])
    findings: Sequence[dict[str, Any]] = []
    if scan.completed_at is not None:
        queued = queue_of(registry, repository).peek(
            repository.repository_name, image.id, {image.digest, *tags}
        )
        if queued is not None:
            status = queued.get("imageScanStatus", status)
            found = queued.get("imageScanFindings", {})
            findings = found.get("findings") or found.get("enhancedFindings") or []
        elif (
            not settings.SCANNER.get()
            and not scan.findings
            and current_rules().scans.make_up_findings
        ):
            findings = made_up_finding()["findings"]
        elif status["status"] in WITH_FINDINGS:
            findings = scan.findings or []
            if scan.scan_type == "ENHANCED":
                findings = with_usage(findings, repository, image.digest)
    return ShownScan(
        scan_type=scan.scan_type,
        status=str(status.get("status", "")),
        description=str(status.get("description", "")),
        completed_at=scan.completed_at,
        findings=findings,
    )
