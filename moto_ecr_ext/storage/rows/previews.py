"""Rows of previews of lifecycle policies: the last one of each repository."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import lifecycle_previews


class PreviewRow(NamedTuple):
    """A preview, with what the policy would have done when it was started, in seconds since the epoch."""

    repository_id: int
    policy: str
    status: str
    started_at: float
    times_seen: int
    results: list[dict[str, Any]]


_IS_PREVIEW = lifecycle_previews.c.repository_id == bindparam("repository")
_PREVIEW = Query(PreviewRow, select(lifecycle_previews).where(_IS_PREVIEW))
_UNDER_WAY = Query(
    PreviewRow, select(lifecycle_previews).where(lifecycle_previews.c.status == "IN_PROGRESS")
)
_DELETE = lifecycle_previews.delete().where(_IS_PREVIEW)
_END = lifecycle_previews.update().where(_IS_PREVIEW).values(status="COMPLETE")
_SEE_AGAIN = (
    lifecycle_previews.update()
    .where(_IS_PREVIEW, lifecycle_previews.c.status == "IN_PROGRESS")
    .values(times_seen=lifecycle_previews.c.times_seen + 1)
)


def of_repository(view: View, repository_id: int) -> PreviewRow | None:
    """Return the last preview of a repository."""
    return _PREVIEW.first(view, repository=repository_id)


def under_way(view: View) -> list[PreviewRow]:
    """Return all previews that go on, in all registries."""
    return _UNDER_WAY.all(view)


def still_under_way(view: View, preview: PreviewRow) -> PreviewRow | None:
    """Return a preview once more; None if it has ended."""
    found = of_repository(view, preview.repository_id)
    return found if found is not None and found.status == "IN_PROGRESS" else None


def replace(transaction: Transaction, preview: PreviewRow) -> None:
    """Store a preview that begins, in place of the last one of its repository."""
    transaction.change(_DELETE, repository=preview.repository_id)
    transaction.insert(lifecycle_previews, preview._asdict())


def see_again(transaction: Transaction, repository_id: int) -> None:
    """Count one more description of the preview of a repository, if it goes on."""
    transaction.change(_SEE_AGAIN, repository=repository_id)


def end(transaction: Transaction, repository_id: int) -> None:
    """Mark the preview of a repository as complete."""
    transaction.change(_END, repository=repository_id)
