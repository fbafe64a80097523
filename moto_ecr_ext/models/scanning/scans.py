"""Scanning: which images are scanned when, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, bindparam, exists, select

from moto_ecr_ext import settings
from moto_ecr_ext.exceptions import (
    ImageArchivedException,
    LimitExceededException,
    RepositoryNotFoundException,
    ScanNotFoundException,
    UnsupportedImageTypeException,
    ValidationException,
)
from moto_ecr_ext.models.base import now
from moto_ecr_ext.models.events import (
    ManifestFacts,
    enhanced_scan_events,
    scan_event,
    scan_frequency_event,
    send_event,
)
from moto_ecr_ext.models.images.identifiers import (
    DETAILS,
    ImageId,
    Selection,
    image_id_of,
    tags_of,
)
from moto_ecr_ext.models.images.images import ImagesBackend, StoredImage
from moto_ecr_ext.models.images.listings import ImageDetail
from moto_ecr_ext.models.paging import DEFAULT_PAGE_SIZE, decode_token, encode_token
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.oci.media_types import IMAGE_CONFIG_TYPES, INDEX_TYPES, is_distributed
from moto_ecr_ext.policies.tag_filters import matches_scanning_filter
from moto_ecr_ext.scanners.run import ImageContent, ScannerError, examine
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.blobs.store import Blob, BlobNotFound
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

from .findings import (
    EXPIRED,
    FOUND_NOTHING,
    INTERRUPTED,
    UNSUPPORTED_IMAGE,
    Outcome,
    ScannedImage,
    basic_outcome,
    enhanced_outcome,
    outcome_of,
)
from .queued_findings import QueuedFindings

# The name under which moto's state manager knows scans.
SCAN = "ecr::image_scan"

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html: one scan of an image in 24 hours.
SCAN_INTERVAL = 24 * 60 * 60
# How long after its push an image is scanned continuously, and may be old when enhanced scanning begins:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
ELIGIBILITY = 14 * 24 * 60 * 60

# What may be in each kind of configuration:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html and image-scanning-enhanced.html
_FREQUENCIES = {
    "BASIC": ("SCAN_ON_PUSH", "MANUAL"),
    "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN"),
}
# https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html has the text.
_PENDING = {
    "status": "PENDING",
    "description": "This resource has been identified for scanning, results will be available soon.",
}
_CONTINUOUS = {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
# Seconds. The process that ran a scanner for longer than this was killed.
_LONGEST_SCAN = 60 * 60
# The statuses of scans that found something or nothing.
_WITH_FINDINGS = ("COMPLETE", "ACTIVE")
_UNSET: dict[str, Any] = {"scanType": "BASIC", "rules": []}

images, scans, references, members = (
    tables.images,
    tables.scans,
    tables.image_references,
    tables.repository_blobs,
)

_IS_SCAN = (scans.c.image_id == bindparam("image")) & (scans.c.scan_type == bindparam("type"))
_SCAN = Query(select(scans).where(_IS_SCAN))
_DELETE_SCAN = scans.delete().where(_IS_SCAN)
_UPDATE_SCAN = scans.update().where(_IS_SCAN)
_SEE_AGAIN = _UPDATE_SCAN.values(times_seen=scans.c.times_seen + 1)
# Another scan may have begun in the meantime.
_THIS_SCAN = scans.c.started_at == bindparam("begun_at")
_IS_UNDER_WAY = scans.c.completed_at.is_(None)
_UNDER_WAY = (
    select(scans, images.c.digest, images.c.repository_id)
    .join(images, images.c.id == scans.c.image_id)
    .where(_IS_UNDER_WAY, scans.c.status != "IN_PROGRESS")
    .order_by(images.c.id)
)
_SCANS_OF = Query(
    select(
        scans.c.image_id,
        scans.c.scan_type,
        scans.c.status,
        scans.c.description,
        scans.c.completed_at,
        scans.c.severity_counts,
    ).where(
        scans.c.image_id.between(bindparam("first"), bindparam("last")),
        scans.c.scan_type == bindparam("type"),
    )
)
_BLOBS = Query(
    select(references.c.digest, references.c.media_type).where(
        references.c.image_id == bindparam("image"), references.c.kind == "blob"
    )
)
_HELD = (
    select(members.c.digest, members.c.size)
    .join(
        references,
        (references.c.digest == members.c.digest)
        & (references.c.repository_id == members.c.repository_id),
    )
    .where(references.c.image_id == bindparam("image"))
)
_CONTENT = select(images.c.manifest, images.c.media_type, images.c.pushed_at).where(
    images.c.id == bindparam("image")
)
_NOT_SCANNED = select(*DETAILS).where(
    images.c.repository_id == bindparam("repository"),
    images.c.status == "ACTIVE",
    ~exists().where(scans.c.image_id == images.c.id, scans.c.scan_type == bindparam("type")),
)
_REPOSITORIES = (
    select(tables.repositories)
    .where(
        tables.repositories.c.account_id == bindparam("account"),
        tables.repositories.c.region == bindparam("in_region"),
    )
    .order_by(tables.repositories.c.name)
)


class ScanningBackend(ImagesBackend):
    """Operations on scans and on the registry's scanning configuration.

    What a scan finds is, in this order, what a test has queued for the image, what the program of the setting
    `scanner` reports, or nothing. The program runs before the call that began the scan is answered, in no transaction.
    """

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.queued_findings = QueuedFindings()
        # moto appends to this list.
        self.scan_finding_results = self.queued_findings.waiting

    def reset(self) -> None:
        super().reset()
        self.queued_findings.clear()

    def start_image_scan(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """As on AWS the answer says that the scan goes on, even where it has ended already.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            if self._scanning(transaction, repository)["scanType"] == "ENHANCED":
                raise ValidationException("This feature is disabled")
            image = Selection(transaction, repository, [image_id]).get(image_id)
            if image.status != "ACTIVE":
                raise ImageArchivedException
            if not _is_scannable(transaction, image, image):
                raise UnsupportedImageTypeException
            scan = _SCAN.first(transaction, {"image": image.id, "type": "BASIC"})
            if scan is not None and now() - scan.started_at < SCAN_INTERVAL:
                raise LimitExceededException(
                    "The scan quota per image has been exceeded. Wait and try again."
                )
            self._scan(transaction, repository, image, "BASIC")
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
        """What the last scan of the registry's scan type has found. A scan under way has been seen once more then.

        What a test has queued is given as it is, whatever the scan type, and completed where it says less.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageScanFindings.html
        """
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, [image_id])
            image = selection.get(image_id)
            scanning = self._scanning(transaction, repository)
            key = {"image": image.id, "type": scanning["scanType"]}
            scan = _SCAN.first(transaction, key)
        if scan is not None and scan.completed_at is None:
            scan = self._see_again(key)
        if scan is None:
            raise ScanNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                repository.repository_name,
                repository.registry_id,
            )
        status = _status(scan, image, _scanning_of(repository, scanning)["scanFrequency"])
        answer = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "imageScanStatus": status,
        }
        if scan.completed_at is not None:
            names = {image.digest, *selection.tags_of(image.id)}
            queue = _queue_of(repository)
            queued = queue.take(repository.repository_name, image.id, names, image_id)
            if queued is not None:
                answer.update(queued)
            elif status["status"] in _WITH_FINDINGS:
                member = "findings" if scan.scan_type == "BASIC" else "enhancedFindings"
                answer["imageScanFindings"] = {**_summary(scan), member: scan.findings}
        return _page_of_findings(answer, f"findings/{image.id}", next_token, max_results)

    def _see_again(self, key: Mapping[str, Any]) -> Any | None:
        """A scan that was under way, which has been seen once more then."""
        with self.store.database.write_swiftly() as transaction:
            transaction.execute(_SEE_AGAIN, key)
        self.end_scans()
        with self.store.database.read() as transaction:
            return _SCAN.first(transaction, key)

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
            previous = self._setting(transaction, "scanning") or _UNSET
            self._store_setting(transaction, "scanning", configuration)
            if scan_type == "ENHANCED":
                self._begin_enhanced_scanning(transaction, previous, configuration)
        return {"registryScanningConfiguration": configuration}

    def _begin_enhanced_scanning(
        self, transaction: Connection, previous: dict[str, Any], configuration: dict[str, Any]
    ) -> None:
        """Scan those images which are there already, as far as they are young enough."""
        rows = transaction.execute(
            _REPOSITORIES, {"account": self.account_id, "in_region": self.region_name}
        ).all()
        repositories = [
            (
                repository,
                _scanning_of(repository, configuration)["scanFrequency"],
                _scanning_of(repository, previous)["scanFrequency"],
            )
            for repository in map(Repository.from_row, rows)
        ]
        changed = [each for each in repositories if each[1] != each[2]]
        if changed:
            event = scan_frequency_event(changed)
            self.store.database.after_commit(
                lambda: send_event(self.account_id, self.region_name, event)
            )
        for repository, frequency, _ in repositories:
            if frequency != "MANUAL":
                key = {"repository": repository.id, "type": "ENHANCED"}
                for image in transaction.execute(_NOT_SCANNED, key).all():
                    self._scan_enhanced(transaction, repository, image, image)

    def get_registry_scanning_configuration(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html"""
        with self.store.database.read() as transaction:
            return {
                "registryId": self.account_id,
                "scanningConfiguration": self._setting(transaction, "scanning") or _UNSET,
            }

    def batch_get_repository_scanning_configuration(
        self, repository_names: list[str]
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetRepositoryScanningConfiguration.html"""
        configurations, failures = [], []
        with self.store.database.read() as transaction:
            scanning = self._setting(transaction, "scanning") or _UNSET
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
        scanning = self._scanning(transaction, repository)
        if _scanning_of(repository, scanning)["scanFrequency"] == "MANUAL":
            return
        if scanning["scanType"] == "ENHANCED":
            self._scan_enhanced(transaction, repository, image, manifest)
        elif _is_scannable(transaction, image, manifest):
            self._scan(transaction, repository, image, "BASIC")

    def _scan_enhanced(
        self, transaction: Connection, repository: Repository, image: Any, about: ManifestFacts
    ) -> None:
        """Scan an image that is there, a row, or that comes, a StoredImage; or say why it is not scanned."""
        if about.media_type in INDEX_TYPES:
            return
        if not isinstance(image, StoredImage) and _is_too_old(image):
            self._record(transaction, repository, image, "ENHANCED", EXPIRED)
        elif not _is_scannable(transaction, image, about):
            self._record(transaction, repository, image, "ENHANCED", UNSUPPORTED_IMAGE)
        else:
            self._scan(transaction, repository, image, "ENHANCED")

    def _scan(
        self, transaction: Connection, repository: Repository, image: Any, scan_type: str
    ) -> None:
        """Begin to scan an image, a row or a StoredImage. It is looked at once this is committed."""
        command = settings.parse_scanner(settings.SCANNER.get())
        if not command or self._queued(transaction, repository, image) is not None:
            self._record(transaction, repository, image, scan_type, FOUND_NOTHING)
            return
        at = round(now(), 3)
        self._insert_scan(transaction, image, scan_type, status="IN_PROGRESS", started_at=at)
        found = StoredImage(image.id, image.digest)
        examine = partial(self._examine, command, repository, found, scan_type, at)
        self.store.database.after_commit(lambda: self.store.schedule.when_caught_up(examine))

    def _record(
        self,
        transaction: Connection,
        repository: Repository,
        image: Any,
        scan_type: str,
        outcome: Outcome,
    ) -> None:
        """Keep a scan whose outcome is known at once."""
        at = round(now(), 3)
        ended = has_ended(SCAN, at, 0)
        self._insert_scan(transaction, image, scan_type, started_at=at, **_columns(outcome, ended))
        self._follow_up(transaction, repository, image, scan_type, outcome, ended)

    def _insert_scan(
        self, transaction: Connection, image: Any, scan_type: str, **columns: Any
    ) -> None:
        transaction.execute(_DELETE_SCAN, {"image": image.id, "type": scan_type})
        transaction.execute(
            scans.insert(),
            {"image_id": image.id, "scan_type": scan_type, "times_seen": 0, **columns},
        )

    def _examine(
        self,
        command: Sequence[str],
        repository: Repository,
        image: StoredImage,
        scan_type: str,
        started_at: float,
    ) -> None:
        """Have the scanner look at an image, and keep what it found unless the image is gone by then."""
        outcome = INTERRUPTED
        try:
            outcome = self._report(command, repository, image, scan_type)
        except ScannerError as error:
            outcome = Outcome("FAILED", str(error))
        finally:
            key = {"image": image.id, "type": scan_type, "begun_at": started_at}
            with self.store.database.write() as transaction:
                scan = _SCAN.first(transaction, key)
                if scan is not None and scan.started_at == started_at:
                    ended = has_ended(SCAN, started_at, scan.times_seen)
                    transaction.execute(_UPDATE_SCAN, {**key, **_columns(outcome, ended)})
                    self._follow_up(transaction, repository, image, scan_type, outcome, ended)

    def _report(
        self,
        command: Sequence[str],
        repository: Repository,
        image: StoredImage,
        scan_type: str,
    ) -> Outcome:
        """What the scanner says of an image. Raises ScannerError, also where the image is gone."""
        key = {"image": image.id}
        with self.store.database.read() as transaction:
            content = transaction.execute(_CONTENT, key).one_or_none()
            blobs = [row.digest for row in _BLOBS.all(transaction, key)]
            sizes = {row.digest: row.size for row in transaction.execute(_HELD, key)}
            names = tags_of(transaction, repository, [image]).get(image.id, [])
        if content is None:
            raise ScannerError("The image is not there any more")

        @contextmanager
        def open_blob(digest: str) -> Iterator[Blob]:
            try:
                if digest not in sizes:
                    raise BlobNotFound(digest)
                with self.store.open_blob(digest, sizes[digest]) as blob:
                    yield blob
            except BlobNotFound:
                raise ScannerError(f"{digest} is not in the repository") from None

        report = examine(
            command,
            ImageContent(image.digest, content.media_type, content.manifest, blobs),
            open_blob,
        )
        if scan_type == "BASIC":
            return basic_outcome(report)
        scanned = ScannedImage(repository, image.digest, names, content.pushed_at, round(now(), 3))
        return enhanced_outcome(report, scanned)

    def _follow_up(
        self,
        transaction: Connection,
        repository: Repository,
        image: Any,
        scan_type: str,
        outcome: Outcome,
        has_ended: bool,
    ) -> None:
        """Tell EventBridge of a scan whose outcome is kept, once it has ended."""
        if not has_ended:
            self.store.database.after_commit(lambda: self.store.schedule.expect(AT_ONCE))
            return
        queued = self._queued(transaction, repository, image)
        if queued is not None:
            outcome = outcome_of(queued)
        tag_names = tags_of(transaction, repository, [image]).get(image.id, [])
        has_findings = outcome.status in _WITH_FINDINGS
        about = (repository, image.digest, tag_names, outcome.severity_counts)
        if scan_type == "BASIC":
            events = [scan_event(*about, "COMPLETE" if has_findings else "FAILED")]
        else:
            events = enhanced_scan_events(*about, outcome.findings) if has_findings else []
        for event in events:
            self.store.database.after_commit(
                partial(send_event, repository.registry_id, repository.region, event)
            )

    def _queued(
        self, transaction: Connection, repository: Repository, image: Any
    ) -> dict[str, Any] | None:
        """What a test has queued for an image, a row or a StoredImage."""
        names = {image.digest, *tags_of(transaction, repository, [image]).get(image.id, ())}
        return _queue_of(repository).peek(repository.repository_name, image.id, names)

    def _do_what_is_due(self) -> float:
        """Scans under way end when moto's state manager says so."""
        then = super()._do_what_is_due()
        return AT_ONCE if self.end_scans() else then

    def end_scans(self) -> bool:
        """End those scans, of all registries, that have been under way long enough.

        Gives whether others still are. A scanner that is running is not among them.
        """
        with self.store.database.read() as transaction:
            under_way = transaction.execute(_UNDER_WAY).all()
        ended = [each for each in under_way if has_ended(SCAN, each.started_at, each.times_seen)]
        for scan in ended:
            key = {"image": scan.image_id, "type": scan.scan_type, "begun_at": scan.started_at}
            with self.store.database.write() as transaction:
                # Another process may have been faster.
                is_mine = transaction.execute(
                    _UPDATE_SCAN.where(_IS_UNDER_WAY, _THIS_SCAN),
                    {**key, "completed_at": round(now(), 3)},
                ).rowcount
                if is_mine:
                    self._follow_up(
                        transaction,
                        self._repository_by_id(transaction, scan.repository_id),
                        StoredImage(scan.image_id, scan.digest),
                        scan.scan_type,
                        Outcome(scan.status, scan.description, scan.findings),
                        True,
                    )
        return len(ended) < len(under_way)

    def _add_scans(
        self,
        transaction: Connection,
        repository: Repository,
        rows: Sequence[Any],
        details: Mapping[int, ImageDetail],
    ) -> None:
        """Basic scanning says nothing here since it is AWS's own.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
        """
        scanning = self._scanning(transaction, repository)
        if scanning["scanType"] != "ENHANCED" or not rows:
            return
        frequency = _scanning_of(repository, scanning)["scanFrequency"]
        images_by_id = {row.id: row for row in rows}
        between = {"first": rows[0].id, "last": rows[-1].id, "type": "ENHANCED"}
        for scan in _SCANS_OF.all(transaction, between):
            # Images of other repositories lie between those of this one.
            if scan.image_id not in images_by_id:
                continue
            image, detail = images_by_id[scan.image_id], details[scan.image_id]
            status, summary = _status(scan, image, frequency), _summary(scan)
            names = {image.digest, *(detail.image_tags or ())}
            queued = scan.completed_at and _queue_of(repository).peek(
                repository.repository_name, image.id, names
            )
            if queued:
                status = queued.get("imageScanStatus", status)
                summary = queued.get("imageScanFindings", summary)
            detail.image_scan_status = status
            if status.get("status") in _WITH_FINDINGS:
                detail.image_scan_findings_summary = summary

    def _scanning(self, transaction: Connection, repository: Repository) -> dict[str, Any]:
        """The configuration of the registry that a repository is in."""
        found = self._setting(transaction, "scanning", repository.registry_id)
        return found or _UNSET


def _queue_of(repository: Repository) -> QueuedFindings:
    """What a test has queued for the registry that a repository is in."""
    owner = cast(ScanningBackend, ecr_backends[repository.registry_id][repository.region])
    return owner.queued_findings


def _columns(outcome: Outcome, ended: bool) -> dict[str, Any]:
    """What a row of `scans` has of an outcome, and whether that may be seen."""
    return {
        "status": outcome.status,
        "description": outcome.description,
        "findings": outcome.findings,
        "severity_counts": outcome.severity_counts,
        "completed_at": round(now(), 3) if ended else None,
    }


def _status(scan: Any, image: Any, frequency: str) -> dict[str, Any]:
    """The `ImageScanStatus` of a scan of an image, both rows, in a repository that is scanned this often."""
    if scan.completed_at is None:
        if scan.status == "IN_PROGRESS" and now() - scan.started_at > _LONGEST_SCAN:
            return INTERRUPTED.image_scan_status
        return {"status": "IN_PROGRESS"} if scan.scan_type == "BASIC" else _PENDING
    if (
        scan.scan_type == "ENHANCED"
        and scan.status == "COMPLETE"
        and frequency == "CONTINUOUS_SCAN"
    ):
        return EXPIRED.image_scan_status if _is_too_old(image) else _CONTINUOUS
    return {"status": scan.status, "description": scan.description}


def _is_too_old(image: Row[Any]) -> bool:
    """Whether an image was pushed, or brought back from the archive, too long ago for enhanced scanning."""
    came_at: float = max(image.pushed_at, image.last_activated_at or 0)
    return now() - came_at > ELIGIBILITY


def _summary(scan: Any) -> dict[str, Any]:
    """The `ImageScanFindingsSummary` of a scan that has ended."""
    return {
        "imageScanCompletedAt": scan.completed_at,
        "vulnerabilitySourceUpdatedAt": scan.completed_at,
        "findingSeverityCounts": scan.severity_counts,
    }


def _is_scannable(transaction: Connection, image: Any, about: ManifestFacts) -> bool:
    """Whether an image has an operating system to look at, and all of its layers in the registry.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    if about.media_type in INDEX_TYPES:
        return False
    # Only manifests of schema 1 have no configuration.
    if about.artifact_type is not None and about.artifact_type not in IMAGE_CONFIG_TYPES:
        return False
    return all(
        is_distributed(blob.media_type) for blob in _BLOBS.all(transaction, {"image": image.id})
    )


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
    findings = dict(result.get("imageScanFindings", {}))
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
