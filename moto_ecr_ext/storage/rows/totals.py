"""Totals over the rows of all registries."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import BigInteger, cast, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import View

from .repositories import IS_THERE
from .tables import images, repositories, repository_blobs, tags, uploads


class Total(NamedTuple):
    """The number of some things, and the sum of their bytes."""

    number: int
    size: int


_COUNTS: dict[str, Scalars[int]] = {
    "repositories": Scalars(select(func.count()).select_from(repositories).where(IS_THERE)),
    **{
        table.name: Scalars(
            select(func.count())
            .select_from(table.join(repositories, repositories.c.id == table.c.repository_id))
            .where(IS_THERE)
        )
        for table in (images, tags)
    },
}
_each_once = (
    select(repository_blobs.c.digest, func.max(repository_blobs.c.size).label("size"))
    .group_by(repository_blobs.c.digest)
    .subquery()
)
_stored: Any = select(
    func.count().label("number"),
    cast(func.coalesce(func.sum(_each_once.c.size), 0), BigInteger).label("size"),
).select_from(_each_once)
_STORED = Query(Total, _stored)
_uploads: Any = select(
    func.count().label("number"),
    cast(func.coalesce(func.sum(uploads.c.received), 0), BigInteger).label("size"),
)
_UPLOADS = Query(Total, _uploads)


def counts(view: View) -> dict[str, int]:
    """Return the numbers of repositories, images and tags in all registries, by these words."""
    return {name: query.first(view) or 0 for name, query in _COUNTS.items()}


def stored_blobs(view: View) -> Total:
    """Return the total of the whole store's blobs, each counted once."""
    return _STORED.one(view)


def open_uploads(view: View) -> Total:
    """Return the total of the whole store's upload sessions, and of their received bytes."""
    return _UPLOADS.one(view)
