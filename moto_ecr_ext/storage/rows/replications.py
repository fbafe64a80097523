"""Rows of replications: the last replication of an image to each destination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import images, replications


class ReplicationRow(NamedTuple):
    """A replication to the registry of an account in a Region. `tags` are those that it has yet to put there."""

    account_id: str
    region: str
    status: str
    failure_code: str | None
    tags: list[str]


class ReplicationUnderWay(NamedTuple):
    """A replication under way, and its image."""

    image_id: int
    digest: str
    repository_id: int
    account_id: str
    region: str
    started_at: float
    times_seen: int


_ROW = select(*(replications.c[name] for name in ReplicationRow._fields))
_IS_OF_IMAGE = replications.c.image_id == bindparam("image")
_IS_REPLICATION = (
    _IS_OF_IMAGE,
    replications.c.account_id == bindparam("account"),
    replications.c.region == bindparam("to_region"),
)
_IS_UNDER_WAY = replications.c.status == "IN_PROGRESS"
_BY_DESTINATION = Query(ReplicationRow, _ROW.where(*_IS_REPLICATION))
_OF_IMAGE = Query(ReplicationRow, _ROW.where(_IS_OF_IMAGE))
_UNDER_WAY_SELECT = (
    select(replications, images.c.digest, images.c.repository_id)
    .join(images, images.c.id == replications.c.image_id)
    .where(_IS_UNDER_WAY)
    .order_by(replications.c.id)
)
_UNDER_WAY = Query(ReplicationUnderWay, _UNDER_WAY_SELECT)
_STILL_UNDER_WAY = Query(ReplicationUnderWay, _UNDER_WAY_SELECT.where(*_IS_REPLICATION))
_UPDATE = replications.update().where(*_IS_REPLICATION)
_SEE_AGAIN = (
    replications.update()
    .where(_IS_OF_IMAGE, _IS_UNDER_WAY)
    .values(times_seen=replications.c.times_seen + 1)
)


def to_destination(
    view: View, image_id: int, account_id: str, region: str
) -> ReplicationRow | None:
    """Return the last replication of an image to a registry."""
    return _BY_DESTINATION.first(view, image=image_id, account=account_id, to_region=region)


def of_image(view: View, image_id: int) -> list[ReplicationRow]:
    """Return the replications of an image, one for each destination."""
    return _OF_IMAGE.all(view, image=image_id)


def under_way(view: View) -> Sequence[ReplicationUnderWay]:
    """Return all replications under way, from all registries, in the order of their beginning."""
    return _UNDER_WAY.all(view)


def still_under_way(view: View, replication: ReplicationUnderWay) -> ReplicationUnderWay | None:
    """Read a replication again. Return None if it has ended or its image is gone."""
    return _STILL_UNDER_WAY.first(
        view,
        image=replication.image_id,
        account=replication.account_id,
        to_region=replication.region,
    )


def insert(
    transaction: Transaction, image_id: int, account_id: str, region: str, **columns: Any
) -> None:
    """Add the first replication of an image to a registry."""
    transaction.insert(
        replications,
        {"image_id": image_id, "account_id": account_id, "region": region, **columns},
    )


def update(
    transaction: Transaction, image_id: int, account_id: str, region: str, **columns: Any
) -> None:
    """Store new values in columns of a replication."""
    transaction.change(_UPDATE, image=image_id, account=account_id, to_region=region, **columns)


def count_description(transaction: Transaction, image_id: int) -> None:
    """Count one more description of the replications of an image."""
    transaction.change(_SEE_AGAIN, image=image_id)
