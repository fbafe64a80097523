"""Operations on scans of images."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import (
    ImageArchivedException,
    LimitExceededException,
    ScanNotFoundException,
    TooManyScans,
    UnsupportedImageTypeException,
    ValidationException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import ImageId, Selection, image_id_of
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.rows.scans import ScanRow

from .findings import IMAGE_ARCHIVED, LIMIT_EXCEEDED, WITH_FINDINGS, made_up_finding, with_usage
from .queued_findings import queue_of
from .rules import configuration_for, scanning_of
from .scan import SCANS, begin_scan, has_reached_quota, is_scannable
from .summaries import status_of, summary_of

# Seconds. https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html: one scan in 24 hours.
SCAN_INTERVAL = 24 * 60 * 60


class ScansBackend(RegistryBackend):
    """StartImageScan and DescribeImageScanFindings."""

    def start_image_scan(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Begin a basic scan. As on AWS, the status in the response is IN_PROGRESS, even if the scan has ended already.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            scan_type = configuration_for(self, transaction, repository)["scanType"]
            if scan_type == "ENHANCED" and not self.rules.scans.accept_any_image(
                "enhanced scanning"
            ):
                raise ValidationException("This feature is disabled")
            image = Selection(transaction, repository, [image_id]).get(image_id)
            if image.status != "ACTIVE":
                raise ImageArchivedException
            if not is_scannable(
                transaction, image, image
            ) and not self.rules.scans.accept_any_image(f"an image of type {image.media_type}"):
                raise UnsupportedImageTypeException(image.media_type)
            scan = rows.scans.last(transaction, image.id, scan_type)
            if (
                scan is not None
                and scan.status != LIMIT_EXCEEDED.status
                and now() - scan.started_at < SCAN_INTERVAL
                and (scan.was_requested or self.rules.scans.count_scan_on_push(image.digest))
            ):
                raise LimitExceededException(
                    "The scan quota per image has been exceeded. Wait and try again."
                )
            if has_reached_quota(transaction, repository):
                raise TooManyScans
            begin_scan(self, transaction, repository, image, scan_type)
            rows.scans.update(transaction, image.id, scan_type, was_requested=True)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "imageScanStatus": {"status": "IN_PROGRESS"},
        }

    def describe_image_scan_findings(
        self,
        repository_name: str,
        image_id: ImageId,
        registry_id: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return the findings of the last scan of the registry's scan type.

        The call counts as one description of a scan under way. An archived image has the status IMAGE_ARCHIVED.

        Queued findings of a test are returned unchanged, for any scan type, and completed by the scan's own members.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
        """
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            selection = Selection(view, repository, [image_id])
            image = selection.get(image_id)
            configuration = configuration_for(self, view, repository)
            scan_type = configuration["scanType"]
        answer: dict[str, Any] = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
        }
        if image.status != "ACTIVE":
            return {**answer, "imageScanStatus": IMAGE_ARCHIVED.image_scan_status}
        scan = SCANS.described(
            self,
            lambda view: rows.scans.last(view, image.id, scan_type),
            lambda scan: scan is not None and scan.completed_at is None,
            lambda transaction, _: rows.scans.count_description(transaction, image.id, scan_type),
        )
        if scan is None:
            raise ScanNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                repository,
            )
        status = status_of(scan, image, scanning_of(repository, configuration)["scanFrequency"])
        answer["imageScanStatus"] = status
        if scan.completed_at is not None:
            names = {image.digest, *selection.tags_of(image.id)}
            queue = queue_of(self, repository)
            queued = queue.take(repository.repository_name, image.id, names, image_id)
            if queued is not None:
                answer.update(queued)
            elif _has_made_up_finding(scan, image_id):
                answer["imageScanFindings"] = {**summary_of(scan), **made_up_finding()}
            elif status["status"] in WITH_FINDINGS:
                member = "findings" if scan.scan_type == "BASIC" else "enhancedFindings"
                found = scan.findings
                if scan.scan_type == "ENHANCED":
                    found = with_usage(scan.findings or [], repository, image.digest)
                answer["imageScanFindings"] = {**summary_of(scan), member: found}
        return _page_of_findings(answer, f"findings/{image.id}", next_token, max_results)


def _has_made_up_finding(scan: ScanRow, image_id: ImageId) -> bool:
    """Return True if a scan without a program reports a made-up finding."""
    return (
        not settings.SCANNER.get()
        and not scan.findings
        and current_rules().scans.make_up_finding_for(" ".join(image_id.values()))
    )


def _page_of_findings(
    result: dict[str, Any], listing: str, next_token: str | None, max_results: int | None
) -> dict[str, Any]:
    """Return one page of the findings of a result. Pages count findings of both shapes."""
    [first] = decode_token(listing, next_token, (int,)) or [0]
    count = page_size(max_results)
    findings = dict(result.get("imageScanFindings", {}))
    for member in ("findings", "enhancedFindings"):
        if member in findings:
            findings[member], token = cut_page(
                listing, findings[member][first:], max_results, lambda _: [first + count]
            )
            if token is not None:
                result["nextToken"] = token
    if "imageScanFindings" in result:
        result["imageScanFindings"] = findings
    return result
