"""Rows of upload sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Scalars, columns_of
from moto_ecr_ext.storage.database.transaction import Transaction, View

from . import repositories
from .repositories import RepositoryRow
from .tables import repositories as repositories_table
from .tables import uploads


class UploadRow(NamedTuple):
    """The acknowledged state of an upload session.

    `received` and the sizes of parts are in bytes. `smallest_part` leaves out the last part. `started_at` is in seconds
    since the epoch.
    """

    id: str
    started_at: float
    received: int
    parts: int
    first_part: int | None
    smallest_part: int | None
    last_part: int | None


_BY_ID = repositories.joined_with(
    UploadRow,
    columns_of(uploads),
    repositories_table.outerjoin(
        uploads,
        (uploads.c.repository_id == repositories_table.c.id)
        & (uploads.c.id == bindparam("upload")),
    ),
)
_OF_REPOSITORY: Scalars[str] = Scalars(
    select(uploads.c.id).where(uploads.c.repository_id == bindparam("repository"))
)
_STARTED_BY: Scalars[str] = Scalars(
    select(uploads.c.id).where(uploads.c.started_at <= bindparam("by")).limit(bindparam("count"))
)
_EXISTING: Scalars[str] = Scalars(
    select(uploads.c.id).where(uploads.c.id.in_(bindparam("uploads", expanding=True)))
)
_IS_UPLOAD = uploads.c.id == bindparam("upload")
_ADVANCE = uploads.update().where(_IS_UPLOAD, uploads.c.received == bindparam("expected"))
_DELETE = uploads.delete().where(_IS_UPLOAD)


def by_id(
    view: View, account_id: str, region: str, repository_name: str, upload_id: str
) -> tuple[RepositoryRow, UploadRow | None] | None:
    """Return a repository of a registry, and one of its upload sessions."""
    return _BY_ID.first(
        view, upload=upload_id, **repositories.named(account_id, region, repository_name)
    )


def of_repository(view: View, repository_id: int) -> list[str]:
    """Return the ids of the upload sessions of a repository."""
    return _OF_REPOSITORY.all(view, repository=repository_id)


def started_by(view: View, by: float, count: int) -> list[str]:
    """Return the ids of at most `count` upload sessions that were started by this time, in any repository."""
    return _STARTED_BY.all(view, by=by, count=count)


def existing(view: View, upload_ids: Sequence[str]) -> set[str]:
    """Return those of the ids that have an upload session."""
    return set(_EXISTING.all(view, uploads=upload_ids))


def insert(transaction: Transaction, upload_id: str, repository_id: int, started_at: float) -> None:
    """Add an upload session without bytes."""
    transaction.insert(
        uploads,
        {
            "id": upload_id,
            "repository_id": repository_id,
            "started_at": started_at,
            "received": 0,
            "parts": 0,
        },
    )


def advance(transaction: Transaction, upload_id: str, expected: int, **columns: int | None) -> bool:
    """Acknowledge more bytes of an upload session that has received `expected` bytes.

    Return False for any other number.
    """
    return transaction.change(_ADVANCE, upload=upload_id, expected=expected, **columns) > 0


def delete(transaction: Transaction, upload_id: str) -> None:
    """Remove an upload session."""
    transaction.change(_DELETE, upload=upload_id)
