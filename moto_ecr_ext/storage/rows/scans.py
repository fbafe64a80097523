"""Rows of scans: the last scan of an image by scan type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, exists, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .images import COLUMNS, IN_REPOSITORY, ImageRow
from .tables import image_references, images, repositories, repository_blobs, scans


class ScanRow(NamedTuple):
    """A scan. `completed_at` is None while it is under way; times are in seconds since the epoch."""

    image_id: int
    scan_type: str
    status: str
    description: str | None
    started_at: float
    completed_at: float | None
    times_seen: int
    findings: list[dict[str, Any]] | None
    severity_counts: dict[str, int] | None
    was_requested: bool


class ScanSummaryRow(NamedTuple):
    """A scan without its findings."""

    image_id: int
    scan_type: str
    status: str
    description: str | None
    started_at: float
    completed_at: float | None
    severity_counts: dict[str, int] | None


class ScanUnderWay(NamedTuple):
    """A scan whose outcome is known but not shown yet, and its image."""

    image_id: int
    digest: str
    repository_id: int
    scan_type: str
    status: str
    description: str | None
    started_at: float
    times_seen: int
    findings: list[dict[str, Any]] | None
    severity_counts: dict[str, int] | None


class RepeatedScan(NamedTuple):
    """A scan that has ended, with the facts that decide about scanning its image again.

    Times are in seconds since the epoch.
    """

    image_id: int
    digest: str
    repository_id: int
    scan_type: str
    completed_at: float
    pushed_at: float
    last_activated_at: float | None


class BlobOfImage(NamedTuple):
    """A blob to which an image refers and which its repository holds, and its size in bytes."""

    digest: str
    size: int


_IS_SCAN = (scans.c.image_id == bindparam("image"), scans.c.scan_type == bindparam("type"))
_SCAN = Query(ScanRow, select(scans).where(*_IS_SCAN))
_SUMMARIES = Query(
    ScanSummaryRow,
    select(*(scans.c[name] for name in ScanSummaryRow._fields)).where(
        scans.c.image_id.between(bindparam("first"), bindparam("last")),
        scans.c.scan_type == bindparam("type"),
    ),
)
_UNDER_WAY_SELECT = (
    select(scans, images.c.digest, images.c.repository_id)
    .join(images, images.c.id == scans.c.image_id)
    .where(scans.c.completed_at.is_(None), scans.c.status != "IN_PROGRESS")
    .order_by(images.c.id)
)
_UNDER_WAY = Query(ScanUnderWay, _UNDER_WAY_SELECT)
_STILL_UNDER_WAY = Query(
    ScanUnderWay,
    # Another scan may have begun meanwhile.
    _UNDER_WAY_SELECT.where(*_IS_SCAN, scans.c.started_at == bindparam("begun_at")),
)
_ENDED_SINCE = Query(
    RepeatedScan,
    select(
        scans.c.image_id,
        images.c.digest,
        images.c.repository_id,
        scans.c.scan_type,
        scans.c.completed_at,
        images.c.pushed_at,
        images.c.last_activated_at,
    )
    .join(images, images.c.id == scans.c.image_id)
    .join(repositories, repositories.c.id == images.c.repository_id)
    .where(
        repositories.c.account_id == bindparam("account"),
        repositories.c.region == bindparam("in_region"),
        images.c.status == "ACTIVE",
        scans.c.scan_type == bindparam("type"),
        scans.c.status.in_(("COMPLETE", "FAILED")),
        scans.c.completed_at > bindparam("since"),
    )
    .order_by(images.c.id),
)
_NOT_SCANNED = Query(
    ImageRow,
    select(*COLUMNS).where(
        IN_REPOSITORY,
        images.c.status == "ACTIVE",
        ~exists().where(scans.c.image_id == images.c.id, scans.c.scan_type == bindparam("type")),
    ),
)
_BEGUN_SINCE = scans.c.completed_at.is_(None) | (scans.c.completed_at > bindparam("since"))
_RECENT = Scalars[int](
    select(func.count()).select_from(
        select(scans.c.completed_at).where(_BEGUN_SINCE).limit(bindparam("at_most")).subquery()
    )
)
_RECENT_OF_REGISTRY = Scalars[int](
    select(func.count())
    .select_from(scans)
    .join(images, images.c.id == scans.c.image_id)
    .join(repositories, repositories.c.id == images.c.repository_id)
    .where(
        repositories.c.account_id == bindparam("account"),
        repositories.c.region == bindparam("in_region"),
        scans.c.scan_type == bindparam("type"),
        scans.c.status != bindparam("status"),
        _BEGUN_SINCE,
    )
)
_HELD_BLOBS = Query(
    BlobOfImage,
    select(repository_blobs.c.digest, repository_blobs.c.size)
    .join(
        image_references,
        (image_references.c.digest == repository_blobs.c.digest)
        & (image_references.c.repository_id == repository_blobs.c.repository_id),
    )
    .where(image_references.c.image_id == bindparam("image")),
)
_DELETE = scans.delete().where(*_IS_SCAN)
_UPDATE = scans.update().where(*_IS_SCAN)
_SEE_AGAIN = _UPDATE.values(times_seen=scans.c.times_seen + 1)


def last(view: View, image_id: int, scan_type: str) -> ScanRow | None:
    """Return the last scan of an image by scan type."""
    return _SCAN.first(view, image=image_id, type=scan_type)


def summaries(view: View, first: int, last: int, scan_type: str) -> list[ScanSummaryRow]:
    """Return the scans of the images between two rows, of any repository."""
    return _SUMMARIES.all(view, first=first, last=last, type=scan_type)


def under_way(view: View) -> Sequence[ScanUnderWay]:
    """Return all scans whose outcome is known but not shown yet, in all registries."""
    return _UNDER_WAY.all(view)


def still_under_way(view: View, scan: ScanUnderWay) -> ScanUnderWay | None:
    """Read a scan under way again. Return None if it has ended or another one has begun."""
    return _STILL_UNDER_WAY.first(
        view, image=scan.image_id, type=scan.scan_type, begun_at=scan.started_at
    )


def not_scanned(view: View, repository_id: int, scan_type: str) -> list[ImageRow]:
    """Return the active images of a repository without a scan of this type."""
    return _NOT_SCANNED.all(view, repository=repository_id, type=scan_type)


def ended_since(
    view: View, account_id: str, region: str, scan_type: str, since: float
) -> list[RepeatedScan]:
    """Return the scans of a registry that have completed or failed since a time."""
    return _ENDED_SINCE.all(view, account=account_id, in_region=region, type=scan_type, since=since)


def are_as_many_since(
    view: View, account_id: str, region: str, scan_type: str, since: float, number: int, not_: str
) -> bool:
    """Return True if a registry has at least `number` scans since a time, without those of the status `not_`.

    Those of the registry are counted only if all registries together have as many, which an index answers.
    """
    if _RECENT.one(view, since=since, at_most=number) < number:
        return False
    found = _RECENT_OF_REGISTRY.one(
        view, account=account_id, in_region=region, type=scan_type, since=since, status=not_
    )
    return found >= number


def held_blobs(view: View, image_id: int) -> list[BlobOfImage]:
    """Return the blobs of an image that its repository holds, with their sizes."""
    return _HELD_BLOBS.all(view, image=image_id)


def replace(transaction: Transaction, image_id: int, scan_type: str, **columns: Any) -> None:
    """Store a scan that begins, in place of the last one."""
    transaction.change(_DELETE, image=image_id, type=scan_type)
    transaction.insert(
        scans, {"image_id": image_id, "scan_type": scan_type, "times_seen": 0, **columns}
    )


def update(transaction: Transaction, image_id: int, scan_type: str, **columns: Any) -> None:
    """Store new values in columns of a scan."""
    transaction.change(_UPDATE, image=image_id, type=scan_type, **columns)


def count_description(transaction: Transaction, image_id: int, scan_type: str) -> None:
    """Count one more description of a scan."""
    transaction.change(_SEE_AGAIN, image=image_id, type=scan_type)
