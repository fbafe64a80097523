"""Rows of lifecycle policy previews, of which each repository shows the last, and of their results.

A preview may have as many results as its repository has images. They are written in several transactions, and the
preview is shown once all are written. `removal` deletes those of replaced previews.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import lifecycle_previews as previews
from .tables import preview_results as results
from .tables import preview_tags


class PreviewRow(NamedTuple):
    """A preview that is shown, and the numbers of images that the policy would act on.

    Times are in seconds since the epoch.
    """

    id: int
    repository_id: int
    policy: str
    status: str
    started_at: float
    times_seen: int
    expiring: int
    transitioning: int


class PreviewResultRow(NamedTuple):
    """The action that the policy would have taken on an image. Positions begin with 1."""

    position: int
    digest: str
    tags: list[str]
    pushed_at: float
    storage_class: str
    action: str
    rule_priority: int | None


_IS_PREVIEW = previews.c.id == bindparam("preview")
_IN_REPOSITORY = previews.c.repository_id == bindparam("repository")
_GOES_ON = previews.c.status == "IN_PROGRESS"
_IS_SEEN = previews.c.status.in_(("IN_PROGRESS", "COMPLETE"))
_SEEN = Query(PreviewRow, select(previews).where(_IN_REPOSITORY, _IS_SEEN))
_UNDER_WAY = Query(PreviewRow, select(previews).where(_GOES_ON))
_STILL_UNDER_WAY = Query(PreviewRow, select(previews).where(_IS_PREVIEW, _GOES_ON))
_WRITTEN: Scalars[int] = Scalars(
    select(previews.c.id).where(_IS_PREVIEW, previews.c.status == "WRITING")
)
_REPLACE = previews.update().where(_IN_REPOSITORY, _IS_SEEN).values(status="REPLACED")
_GIVE_UP = previews.update().where(previews.c.status == "WRITING").values(status="REPLACED")
_UPDATE = previews.update().where(_IS_PREVIEW)
_SEE_AGAIN = (
    previews.update().where(_IN_REPOSITORY, _GOES_ON).values(times_seen=previews.c.times_seen + 1)
)

_RESULTS = select(*(results.c[name] for name in PreviewResultRow._fields)).where(
    results.c.preview_id == bindparam("preview")
)
_PAGE_SELECT = (
    _RESULTS.where(results.c.position > bindparam("after"))
    .order_by(results.c.position)
    .limit(bindparam("count"))
)
_PAGE = Query(PreviewResultRow, _PAGE_SELECT)
_PAGE_BY_TAGGING = Query(
    PreviewResultRow, _PAGE_SELECT.where(results.c.is_tagged == bindparam("tagged"))
)
_BY_DIGESTS = Query(
    PreviewResultRow, _RESULTS.where(results.c.digest.in_(bindparam("digests", expanding=True)))
)
_BY_TAGS = Query(
    PreviewResultRow,
    _RESULTS.where(
        results.c.position.in_(
            select(preview_tags.c.position).where(
                preview_tags.c.preview_id == bindparam("preview"),
                preview_tags.c.name.in_(bindparam("names", expanding=True)),
            )
        )
    ),
)


def of_repository(view: View, repository_id: int) -> PreviewRow | None:
    """Return the last preview of a repository."""
    return _SEEN.first(view, repository=repository_id)


def under_way(view: View) -> list[PreviewRow]:
    """Return all previews under way, in all registries."""
    return _UNDER_WAY.all(view)


def still_under_way(view: View, preview: PreviewRow) -> PreviewRow | None:
    """Read a preview again. Return None if it has ended."""
    return _STILL_UNDER_WAY.first(view, preview=preview.id)


def begin_writing(transaction: Transaction, columns: Mapping[str, Any]) -> int:
    """Add a preview that is not shown yet, and return its row."""
    row_id: int = transaction.insert(previews, {**columns, "status": "WRITING", "times_seen": 0})
    return row_id


def is_being_written(view: View, preview_id: int) -> bool:
    """Return True if a preview is still being written. A server that starts gives up those of others."""
    return _WRITTEN.first(view, preview=preview_id) is not None


def write_results(
    transaction: Transaction, preview_id: int, found: Sequence[PreviewResultRow]
) -> None:
    """Add results of a preview."""
    transaction.insert_all(
        results,
        [
            {**each._asdict(), "preview_id": preview_id, "is_tagged": bool(each.tags)}
            for each in found
        ],
    )
    transaction.insert_all(
        preview_tags,
        [
            {"preview_id": preview_id, "name": name, "position": each.position}
            for each in found
            for name in each.tags
        ],
    )


def show(transaction: Transaction, preview: PreviewRow) -> None:
    """Show a preview that was written, in place of the last one of its repository."""
    transaction.change(_REPLACE, repository=preview.repository_id)
    transaction.change(_UPDATE, preview=preview.id, status=preview.status)


def give_up(transaction: Transaction, preview_id: int) -> None:
    """Mark a preview that is not shown yet for removal."""
    transaction.change(_UPDATE, preview=preview_id, status="REPLACED")


def give_up_writing(transaction: Transaction) -> None:
    """Mark the previews that a killed process was writing for removal."""
    transaction.change(_GIVE_UP)


def count_description(transaction: Transaction, repository_id: int) -> None:
    """Count one more description of a repository's preview, if it is under way."""
    transaction.change(_SEE_AGAIN, repository=repository_id)


def end(transaction: Transaction, preview_id: int) -> None:
    """Mark a preview as complete."""
    transaction.change(_UPDATE, preview=preview_id, status="COMPLETE")


def page(
    view: View, preview_id: int, tag_status: str, after: int, count: int
) -> list[PreviewResultRow]:
    """Return at most `count` results after a position. The status is that of ECR's filter; ANY keeps all results."""
    if tag_status == "ANY":
        return _PAGE.all(view, preview=preview_id, after=after, count=count)
    return _PAGE_BY_TAGGING.all(
        view, preview=preview_id, tagged=tag_status == "TAGGED", after=after, count=count
    )


def of_images(
    view: View, preview_id: int, digests: Sequence[str], names: Sequence[str]
) -> list[PreviewResultRow]:
    """Return the results for images that have one of the digests or had one of the tags, in the order of positions."""
    found = _BY_DIGESTS.all(view, preview=preview_id, digests=digests) if digests else []
    if names:
        found += _BY_TAGS.all(view, preview=preview_id, names=names)
    return sorted({each.position: each for each in found}.values())
