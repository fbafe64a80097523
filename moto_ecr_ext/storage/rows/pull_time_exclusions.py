"""Rows of pull-time update exclusions."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import bindparam, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import pull_time_exclusions


class ExclusionRow(NamedTuple):
    """An excluded principal, by its row and ARN."""

    id: int
    principal_arn: str


_OF_REGISTRY = (
    pull_time_exclusions.c.account_id == bindparam("account"),
    pull_time_exclusions.c.region == bindparam("in_region"),
)
_COUNT: Scalars[int] = Scalars(
    select(func.count()).select_from(pull_time_exclusions).where(*_OF_REGISTRY)
)
_PAGE = Query(
    ExclusionRow,
    select(pull_time_exclusions.c.id, pull_time_exclusions.c.principal_arn)
    .where(*_OF_REGISTRY, pull_time_exclusions.c.id > bindparam("after"))
    .order_by(pull_time_exclusions.c.id)
    .limit(bindparam("count")),
)
_IDENTITIES: Scalars[str] = Scalars(select(pull_time_exclusions.c.identity).where(*_OF_REGISTRY))
_DELETE = pull_time_exclusions.delete().where(
    *_OF_REGISTRY, pull_time_exclusions.c.principal_arn == bindparam("principal")
)


def count(view: View, account_id: str, region: str) -> int:
    """Return the number of exclusions of a registry."""
    return _COUNT.one(view, account=account_id, in_region=region)


def page(view: View, account_id: str, region: str, after: int, count: int) -> list[ExclusionRow]:
    """Return at most `count` exclusions of a registry after a row, in the order of their registration."""
    return _PAGE.all(view, account=account_id, in_region=region, after=after, count=count)


def identities(view: View, account_id: str, region: str) -> set[str]:
    """Return the identities whose pulls a registry does not record."""
    return set(_IDENTITIES.all(view, account=account_id, in_region=region))


def insert(
    transaction: Transaction,
    account_id: str,
    region: str,
    principal_arn: str,
    identity: str,
    created_at: float,
) -> None:
    """Exclude a principal, whose pulls have `identity`. Raises RowRefused if it is excluded already."""
    transaction.insert(
        pull_time_exclusions,
        {
            "account_id": account_id,
            "region": region,
            "principal_arn": principal_arn,
            "identity": identity,
            "created_at": created_at,
        },
    )


def delete(transaction: Transaction, account_id: str, region: str, principal_arn: str) -> bool:
    """Remove an exclusion. Return False if it does not exist."""
    changed = transaction.change(
        _DELETE, account=account_id, in_region=region, principal=principal_arn
    )
    return changed > 0
