"""Times of pulls in the rows of images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists

from moto_ecr_ext.storage.database.transaction import Transaction

from .tables import images, pull_time_exclusions, repositories

_IS_EXCLUDED = exists().where(
    pull_time_exclusions.c.account_id == repositories.c.account_id,
    pull_time_exclusions.c.region == repositories.c.region,
    pull_time_exclusions.c.identity == bindparam("by"),
    repositories.c.id == images.c.repository_id,
)
_PULLED = images.update().where(images.c.id == bindparam("image"), ~_IS_EXCLUDED)


class Pulled(NamedTuple):
    """A pull of an image at this time, in seconds since the epoch, by this identity if it is known."""

    image_id: int
    identity: str | None
    at: float


def record(transaction: Transaction, pulled: Sequence[Pulled]) -> None:
    """Store the times of pulls, except those by excluded identities."""
    transaction.change_each(
        _PULLED,
        [
            {"image": each.image_id, "by": each.identity, "last_pulled_at": each.at}
            for each in pulled
        ],
    )
