"""Scanning: which images are scanned when, and what was found."""

from __future__ import annotations

import threading
from typing import Any

from sqlalchemy import Connection, bindparam, select

from moto_ecr_ext.exceptions import (
    ImageArchivedException,
    LimitExceededException,
    RepositoryNotFoundException,
    ScanNotFoundException,
    UnsupportedImageTypeException,
    ValidationException,
)
from moto_ecr_ext.policies.tag_filters import matches_scanning_filter
from moto_ecr_ext.storage import tables
from moto_ecr_ext.storage.queries import Query

from .base import now
from .events import scan_event, send_event
from .images import ImagesBackend, StoredImage
from .manifests import INDEX_MEDIA_TYPES, Manifest
from .pages import DEFAULT_PAGE_SIZE, decode_token, encode_token
from .repository import Repository
from .selection import ImageId, Selection, image_id_of, tags_of

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html: one scan of an image in 24 hours.
SCAN_INTERVAL = 24 * 60 * 60

# What may be in each kind of configuration:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html and image-scanning-enhanced.html
_FREQUENCIES = {
    "BASIC": ("SCAN_ON_PUSH", "MANUAL"),
    "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN"),
}
_IMAGE_CONFIGS = (
    "application/vnd.docker.container.image.v1+json",
    "application/vnd.oci.image.config.v1+json",
)
_COMPLETED = {"status": "COMPLETE", "description": "The scan was completed successfully."}
_SCAN = Query(select(tables.scans).where(tables.scans.c.image_id == bindparam("image")))
_DELETE_SCAN = tables.scans.delete().where(tables.scans.c.image_id == bindparam("image"))


class ScanningBackend(ImagesBackend):
    """Operations on scans and on the registry's scanning configuration."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        # Answers that a test has queued by POST /moto-api/static/ecr/scan-finding-results; moto appends to the list.
        self.scan_finding_results: list[Any] = []
        # Those that were given, by image and by the identifier that asked.
        self._given_results: dict[int, dict[frozenset[tuple[str, str]], dict[str, Any]]] = {}
        self._results_lock = threading.Lock()

    def reset(self) -> None:
        super().reset()
        self.scan_finding_results.clear()
        self._given_results.clear()

    def start_image_scan(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html"""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            if self._scanning(transaction)["scanType"] == "ENHANCED":
                raise ValidationException("This feature is disabled")
            image = Selection(transaction, repository, [image_id]).get(image_id)
            if image.status != "ACTIVE":
                raise ImageArchivedException
            if not _is_scannable(image):
                raise UnsupportedImageTypeException
            scan = _SCAN.first(transaction, {"image": image.id})
            if scan is not None and now() - scan.started_at < SCAN_INTERVAL:
                raise LimitExceededException(
                    "The scan quota per image has been exceeded. Wait and try again."
                )
            self._scan(transaction, repository, image)
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
        """What a test queued for this image; without that, a completed scan that found nothing.

        A queued result is about the repository and the tag or digest that it names, or about every image of the
        repository. It is given as it is, always to the same identifier: the next one that is queued for an image goes
        to an identifier that has none yet.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
        """
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, [image_id])
            image = selection.get(image_id)
            scan = _SCAN.first(transaction, {"image": image.id})
        if scan is None:
            raise ScanNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                repository.repository_name,
                repository.registry_id,
            )
        names = {image.digest, *selection.tags_of(image.id)}
        result = self._queued_result(repository, image.id, names, image_id) or {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "imageScanStatus": _COMPLETED,
            "imageScanFindings": {
                "imageScanCompletedAt": scan.completed_at,
                "vulnerabilitySourceUpdatedAt": scan.completed_at,
                "findings": [],
                "findingSeverityCounts": {},
            },
        }
        return _page_of_findings(result, f"findings/{image.id}", next_token, max_results)

    def put_registry_scanning_configuration(
        self, scan_type: str | None = None, rules: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Replace the whole configuration; what is omitted is BASIC without rules.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html
        """
        scan_type = scan_type or "BASIC"
        allowed = _FREQUENCIES[scan_type]
        for rule in rules or ():
            if rule["scanFrequency"] not in allowed:
                raise ValidationException(
                    f"Scan frequency {rule['scanFrequency']} is not available for scan type "
                    f"{scan_type}. Available: {', '.join(allowed)}."
                )
        configuration = {"scanType": scan_type, "rules": rules or []}
        with self.store.database.write() as transaction:
            self._store_setting(transaction, "scanning", configuration)
        return {"registryScanningConfiguration": configuration}

    def get_registry_scanning_configuration(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html"""
        with self.store.database.read() as transaction:
            return {
                "registryId": self.account_id,
                "scanningConfiguration": self._scanning(transaction),
            }

    def batch_get_repository_scanning_configuration(
        self, repository_names: list[str]
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetRepositoryScanningConfiguration.html"""
        configurations, failures = [], []
        with self.store.database.read() as transaction:
            scanning = self._scanning(transaction)
            for name in repository_names:
                try:
                    repository = self._repository(transaction, name)
                except RepositoryNotFoundException:
                    failures.append(
                        {
                            "repositoryName": name,
                            "failureCode": "REPOSITORY_NOT_FOUND",
                            "failureReason": "REPOSITORY_NOT_FOUND",
                        }
                    )
                else:
                    configurations.append(_scanning_of(repository, scanning))
        return {"scanningConfigurations": configurations, "failures": failures}

    def image_was_pushed(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        manifest: Manifest,
    ) -> None:
        super().image_was_pushed(transaction, repository, image, manifest)
        if not _is_scannable(manifest):
            return
        if _scanning_of(repository, self._scanning(transaction))["scanFrequency"] != "MANUAL":
            self._scan(transaction, repository, image)

    def _scan(self, transaction: Connection, repository: Repository, image: Any) -> None:
        """Scan an image, a row or a StoredImage. The scan has ended when this has."""
        at = round(now(), 3)
        transaction.execute(_DELETE_SCAN, {"image": image.id})
        transaction.execute(
            tables.scans.insert(),
            {
                "image_id": image.id,
                "status": "COMPLETE",
                "started_at": at,
                "completed_at": at,
            },
        )
        tag_names = tags_of(transaction, repository, [image]).get(image.id, [])
        event = scan_event(
            repository.repository_name, repository.repository_arn, image.digest, tag_names
        )
        self.store.database.after_commit(
            lambda: send_event(repository.registry_id, repository.region, event)
        )

    def _scanning(self, transaction: Connection) -> dict[str, Any]:
        found: dict[str, Any] | None = self._setting(transaction, "scanning")
        return found or {"scanType": "BASIC", "rules": []}

    def _queued_result(
        self, repository: Repository, image_row_id: int, names: set[str], image_id: ImageId
    ) -> dict[str, Any] | None:
        """What was queued for an image, whose digest and tags are `names`, when it is asked for by `image_id`."""
        with self._results_lock:
            given = self._given_results.setdefault(image_row_id, {})
            asked = frozenset(image_id.items())
            for index, result in enumerate(self.scan_finding_results):
                if asked not in given and _is_about(result, repository.repository_name, names):
                    given[asked] = self.scan_finding_results.pop(index)
                    break
            found = given.get(asked) or next(iter(given.values()), None)
        return dict(found) if found else None


def _is_about(result: Any, repository_name: str, names: set[str]) -> bool:
    """Whether a queued result is about an image of this repository with these names.

    moto queues whatever it is sent.
    """
    if not isinstance(result, dict) or result.get("repositoryName") != repository_name:
        return False
    image_id = result.get("imageId")
    if not isinstance(image_id, dict):
        return image_id is None
    wanted = [image_id[name] for name in ("imageDigest", "imageTag") if image_id.get(name)]
    return not wanted or any(isinstance(each, str) and each in names for each in wanted)


def _is_scannable(image: Any) -> bool:
    """Whether an image, or the manifest of one, has an operating system to look at.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    if image.media_type in INDEX_MEDIA_TYPES:
        return False
    # Only manifests of schema 1 have no configuration.
    return image.artifact_type is None or image.artifact_type in _IMAGE_CONFIGS


def _scanning_of(repository: Repository, scanning: dict[str, Any]) -> dict[str, Any]:
    """When the images of a repository are scanned, by the rules of its registry or else by its own setting.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    applied: dict[str, list[dict[str, str]]] = {}
    for rule in scanning["rules"]:
        applied.setdefault(rule["scanFrequency"], []).extend(
            each
            for each in rule["repositoryFilters"]
            if matches_scanning_filter(each["filter"], repository.repository_name)
        )
    # A repository that rules of both kinds match is scanned continuously.
    for frequency in ("CONTINUOUS_SCAN", "SCAN_ON_PUSH"):
        if applied.get(frequency):
            filters = applied[frequency]
            break
    else:
        frequency, filters = "MANUAL", []
        # The repository's own setting is what counts as long as the registry has no rules.
        if repository.scan_on_push and scanning["scanType"] == "BASIC" and not scanning["rules"]:
            frequency = "SCAN_ON_PUSH"
    return {
        "repositoryArn": repository.repository_arn,
        "repositoryName": repository.repository_name,
        "scanOnPush": frequency == "SCAN_ON_PUSH",
        "scanFrequency": frequency,
        "appliedScanFilters": filters,
    }


def _page_of_findings(
    result: dict[str, Any], listing: str, next_token: str | None, max_results: int | None
) -> dict[str, Any]:
    """One page of the findings of a result; pages count findings of both shapes."""
    [first] = decode_token(listing, next_token, (int,)) or [0]
    count = max_results or DEFAULT_PAGE_SIZE
    findings = dict(result.get("imageScanFindings") or {})
    longest = 0
    for member in ("findings", "enhancedFindings"):
        if member in findings:
            longest = max(longest, len(findings[member]))
            findings[member] = findings[member][first : first + count]
    if "imageScanFindings" in result:
        result["imageScanFindings"] = findings
    if longest > first + count:
        result["nextToken"] = encode_token(listing, [first + count])
    return result
