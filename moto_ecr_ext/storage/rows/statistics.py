"""Counts and sums over all registries."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import View

from .tables import images, repositories, repository_blobs, tags, uploads


class Stored(NamedTuple):
    """The number of blobs, each counted once, and the sum of their bytes."""

    blobs: int
    bytes: int


_SIZES = (
    select(func.max(repository_blobs.c.size).label("size"))
    .group_by(repository_blobs.c.digest)
    .subquery()
)
_STORED = Query(
    Stored,
    select(
        func.count().label("blobs"), func.coalesce(func.sum(_SIZES.c.size), 0).label("bytes")
    ).select_from(_SIZES),
)
# A deleted repository belongs to no account until it is removed.
_REPOSITORIES: Scalars[int] = Scalars(
    select(func.count()).select_from(repositories).where(repositories.c.account_id != "")
)
_COUNTS: dict[str, Scalars[int]] = {
    table.name: Scalars(select(func.count()).select_from(table))
    for table in (images, tags, uploads)
}


def stored(view: View) -> Stored:
    """Return the number and the bytes of all blobs."""
    return _STORED.first(view) or Stored(0, 0)


def counts(view: View) -> dict[str, int]:
    """Return the numbers of repositories, images, tags and uploads, by these words."""
    queries = {"repositories": _REPOSITORIES, **_COUNTS}
    return {name: query.first(view) or 0 for name, query in queries.items()}
