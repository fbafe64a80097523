"""One scan: its beginning, its scanner, and the consequences of its end.

The findings of a scan are the queued ones of a test, or else those of the program in the setting `scanner`, or else
none. The program runs before the response to the call that began the scan, outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Protocol

from moto_ecr_ext import faults, settings
from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.models.acts import Push
from moto_ecr_ext.models.background import BackgroundWork, expect_after_commit
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.events import (
    ManifestFacts,
    announce,
    enhanced_scan_events,
    scan_event,
)
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.media_types import IMAGE_CONFIG_TYPES, INDEX_TYPES, is_distributed
from moto_ecr_ext.scanners.run import ImageContent, ScannerError, examine
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.errors import BlobNotFound
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import ImageKey, ImageRow, StoredImage
from moto_ecr_ext.storage.rows.scans import ScanUnderWay

from .changes import announce_change
from .findings import (
    EXPIRED,
    FAILED,
    FOUND_NOTHING,
    INTERRUPTED,
    LIMIT_EXCEEDED,
    UNSUPPORTED_IMAGE,
    WITH_FINDINGS,
    ScannedImage,
    ScanOutcome,
    announced_finding,
    basic_outcome,
    enhanced_outcome,
    outcome_of,
)
from .queued_findings import queue_of
from .rules import configuration_for, scanning_of

# The seconds after a push in which an image is scanned continuously, or scanned when enhanced scanning begins:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced.html
ELIGIBILITY = 14 * 24 * 60 * 60
# The seconds between two scans of an image that is scanned continuously.
RESCAN_INTERVAL = 24 * 60 * 60


class Eligible(Protocol):
    """The times that decide how long an image is scanned, in seconds since the epoch."""

    @property
    def pushed_at(self) -> float: ...

    @property
    def last_activated_at(self) -> float | None: ...


def scan_pushed_image(registry: RegistryBackend, transaction: Transaction, push: Push) -> None:
    """Scan a new image, if the registry or the repository scans on push."""
    if push.new_tag is not None:
        return
    configuration = configuration_for(registry, transaction, push.repository)
    frequency = scanning_of(push.repository, configuration)["scanFrequency"]
    if frequency == "MANUAL":
        return
    if configuration["scanType"] == "ENHANCED":
        announce_change(transaction, push.repository, frequency, frequency)
        _scan_enhanced(registry, transaction, push.repository, push.image, push.manifest)
    elif is_scannable(transaction, push.image, push.manifest):
        if has_reached_quota(transaction, push.repository):
            _record(registry, transaction, push.repository, push.image, "BASIC", LIMIT_EXCEEDED)
        else:
            begin_scan(registry, transaction, push.repository, push.image, "BASIC")


def scan_old_image(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, image: ImageRow
) -> None:
    """Scan an image that existed when enhanced scanning began, or store the status of an image that is too old."""
    if is_too_old(image) and image.media_type not in INDEX_TYPES:
        _record(registry, transaction, repository, image, "ENHANCED", EXPIRED)
    else:
        _scan_enhanced(registry, transaction, repository, image, image)


def _scan_enhanced(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    about: ManifestFacts,
) -> None:
    if about.media_type in INDEX_TYPES:
        return
    if is_scannable(transaction, image, about):
        begin_scan(registry, transaction, repository, image, "ENHANCED")
    else:
        _record(registry, transaction, repository, image, "ENHANCED", UNSUPPORTED_IMAGE)


def is_scannable(view: View, image: StoredImage, about: ManifestFacts) -> bool:
    """Return True if an image has an operating system to examine, and all of its layers are in the registry.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-troubleshooting.html
    """
    if about.media_type in INDEX_TYPES:
        return False
    # Only manifests of schema 1 have no config.
    if about.artifact_type is not None and about.artifact_type not in IMAGE_CONFIG_TYPES:
        return False
    return all(
        is_distributed(blob.media_type) for blob in rows.references.blobs_of_image(view, image.id)
    )


def has_reached_quota(view: View, repository: Repository) -> bool:
    """Return True if the registry of a repository has as many basic scans in 24 hours as it may have.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
    """
    return rows.scans.are_as_many_since(
        view,
        repository.registry_id,
        repository.region,
        "BASIC",
        since=now() - 24 * 60 * 60,
        number=settings.quota("basic_scans_per_day"),
        not_=LIMIT_EXCEEDED.status,
    )


def is_too_old(image: Eligible) -> bool:
    """Return True if an image was pushed, or restored from the archive, too long ago for enhanced scanning."""
    return now() - max(image.pushed_at, image.last_activated_at or 0) > ELIGIBILITY


def begin_scan(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    scan_type: str,
) -> None:
    """Begin to scan an image. The scanner examines it once the transaction is committed."""
    outcome = _outcome_by_fault(repository) if faults.active else None
    if outcome is not None:
        _record(registry, transaction, repository, image, scan_type, outcome)
        return
    command = settings.parse_scanner(settings.SCANNER.get())
    if (
        not command
        or _queued(registry, transaction, repository, image) is not None
        # A program could examine nothing of a placeholder.
        or rows.images.is_placeholder(transaction, image.id)
    ):
        _record(registry, transaction, repository, image, scan_type, FOUND_NOTHING)
        return
    at = timestamp()
    rows.scans.replace(transaction, image.id, scan_type, status="IN_PROGRESS", started_at=at)
    key = ImageKey(image.id, image.digest)
    transaction.after_commit(partial(_examine, registry, command, repository, key, scan_type, at))


def _outcome_by_fault(repository: Repository) -> ScanOutcome | None:
    """Return the outcome of a scan that a fault strikes, or None."""
    where = (repository.registry_id, repository.region, repository.repository_name)
    if faults.strikes_at("scan_fails", *where):
        return FAILED
    return LIMIT_EXCEEDED if faults.strikes_at("scan_limit", *where) else None


def _record(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    scan_type: str,
    outcome: ScanOutcome,
) -> None:
    """Store a scan whose outcome is known at once."""
    at = timestamp()
    rows.scans.replace(transaction, image.id, scan_type, started_at=at, **_columns(outcome))
    scan = _under_way(repository, image, scan_type, outcome, at, times_seen=0)
    SCANS.begin(registry, transaction, scan)


def _examine(
    registry: RegistryBackend,
    command: Sequence[str],
    repository: Repository,
    image: ImageKey,
    scan_type: str,
    started_at: float,
) -> None:
    """Let the scanner examine an image, and store its findings unless the image was deleted meanwhile."""
    outcome = INTERRUPTED
    try:
        outcome = examine_image(registry, command, repository, image, scan_type)
    except ScannerError as error:
        outcome = ScanOutcome("FAILED", str(error))
    finally:
        with registry.store.database.write() as transaction:
            last = rows.scans.last(transaction, image.id, scan_type)
            if last is not None and last.started_at == started_at:
                rows.scans.update(transaction, image.id, scan_type, **_columns(outcome))
                scan = _under_way(
                    repository, image, scan_type, outcome, started_at, last.times_seen
                )
                SCANS.begin(registry, transaction, scan)


def examine_image(
    registry: RegistryBackend,
    command: Sequence[str],
    repository: Repository,
    image: ImageKey,
    scan_type: str,
) -> ScanOutcome:
    """Let the scanner examine an image, and return the outcome. Raises ScannerError, also if the image was deleted."""
    with registry.store.database.read() as view:
        content = rows.images.content(view, image.id)
        blobs = [each.digest for each in rows.references.blobs_of_image(view, image.id)]
        sizes = {each.digest: each.size for each in rows.scans.held_blobs(view, image.id)}
        tags = rows.tags.of_image(view, repository.id, image)
    if content is None:
        raise ScannerError("The image was deleted")

    @contextmanager
    def open_blob(digest: str) -> Iterator[BlobReader]:
        try:
            if digest not in sizes:
                raise BlobNotFound(digest)
            with registry.store.open_blob(digest, sizes[digest]) as blob:
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
    scanned = ScannedImage(repository, image.digest, tags, content.pushed_at, timestamp())
    return enhanced_outcome(report, scanned)


def _columns(outcome: ScanOutcome) -> dict[str, Any]:
    """Return the columns of an outcome in the row of a scan. They are shown once the scan has ended."""
    return {
        "status": outcome.status,
        "description": outcome.description,
        "findings": outcome.findings,
        "severity_counts": outcome.severity_counts,
    }


def _under_way(
    repository: Repository,
    image: StoredImage,
    scan_type: str,
    outcome: ScanOutcome,
    started_at: float,
    times_seen: int,
) -> ScanUnderWay:
    return ScanUnderWay(
        image.id,
        image.digest,
        repository.id,
        scan_type,
        started_at=started_at,
        times_seen=times_seen,
        **_columns(outcome),
    )


def _announce_end(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    scan_type: str,
    outcome: ScanOutcome,
) -> None:
    queued = _queued(registry, transaction, repository, image)
    if queued is not None:
        outcome = outcome_of(queued)
    tags = rows.tags.of_image(transaction, repository.id, image)
    has_findings = outcome.status in WITH_FINDINGS
    about = (repository, image.digest, tags, outcome.severity_counts)
    if scan_type == "BASIC":
        announce(
            transaction, repository, scan_event(*about, "COMPLETE" if has_findings else "FAILED")
        )
        return
    # The image may be scanned continuously.
    expect_after_commit(registry, transaction, timestamp() + RESCAN_INTERVAL)
    if has_findings:
        scanned = scanned_image(transaction, repository, image)
        findings = [announced_finding(each, scanned) for each in outcome.findings]
        for event in enhanced_scan_events(*about, findings):
            announce(transaction, repository, event)


def scanned_image(view: View, repository: Repository, image: StoredImage) -> ScannedImage:
    """Return what findings say about an image that exists."""
    tags = rows.tags.of_image(view, repository.id, image)
    pushed_at = rows.images.by_id(view, image.id).pushed_at
    return ScannedImage(repository, image.digest, tags, pushed_at, timestamp())


def _end_scan(registry: RegistryBackend, transaction: Transaction, scan: ScanUnderWay) -> None:
    at = timestamp()
    rows.scans.update(transaction, scan.image_id, scan.scan_type, completed_at=at)
    repository = repository_by_id(transaction, scan.repository_id)
    image = ImageKey(scan.image_id, scan.digest)
    outcome = ScanOutcome(
        scan.status, scan.description or "", scan.findings or [], scan.severity_counts or {}
    )
    _announce_end(registry, transaction, repository, image, scan.scan_type, outcome)


SCANS = BackgroundWork(
    "ecr::image_scan",
    # The scanner's own process ends a scan that uses it.
    under_way=rows.scans.under_way,
    again=rows.scans.still_under_way,
    end=_end_scan,
)


def _queued(
    registry: RegistryBackend, view: View, repository: Repository, image: StoredImage
) -> dict[str, Any] | None:
    """Return the result that a test has queued for an image."""
    names = {image.digest, *rows.tags.of_image(view, repository.id, image)}
    return queue_of(registry, repository).peek(repository.repository_name, image.id, names)
