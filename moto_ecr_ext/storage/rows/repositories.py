"""Rows of repositories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, FromClause, bindparam, func, select

from moto_ecr_ext.storage.database.queries import Pairs, Query, Scalars, columns_of
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import FARTHEST

from .tables import images, repositories

_Other = TypeVar("_Other", bound=tuple[Any, ...])


class RepositoryRow(NamedTuple):
    """A repository. Times are in seconds since the epoch."""

    id: int
    account_id: str
    region: str
    name: str
    created_at: float
    tag_mutability: str
    tag_mutability_exclusion_filters: list[dict[str, str]] | None
    scan_on_push: bool
    encryption: dict[str, str]
    resource_tags: dict[str, str]
    policy: str | None
    lifecycle_policy: str | None
    lifecycle_evaluated_at: float | None
    lifecycle_due_at: float | None


class RegistryRow(NamedTuple):
    """A registry that has repositories."""

    account_id: str
    region: str


_OF_REGISTRY = (
    repositories.c.account_id == bindparam("account"),
    repositories.c.region == bindparam("in_region"),
)
_IS_NAMED = (*_OF_REGISTRY, repositories.c.name == bindparam("repository_name"))
_IS_REPOSITORY = repositories.c.id == bindparam("repository")

IS_THERE = repositories.c.account_id != ""
"""True if a repository is in a registry. A deleted one is in no registry until its rows are removed."""

_ALL = select(repositories)
_BY_NAME = Query(RepositoryRow, _ALL.where(*_IS_NAMED))
_BY_ID = Query(RepositoryRow, _ALL.where(_IS_REPOSITORY))
_OF_ONE_REGISTRY = Query(RepositoryRow, _ALL.where(*_OF_REGISTRY).order_by(repositories.c.name))
_REGISTRIES = Query(
    RegistryRow, select(repositories.c.account_id, repositories.c.region).distinct()
)
_REGISTRIES_WITH = Query(
    RegistryRow,
    select(repositories.c.account_id, repositories.c.region)
    .where(repositories.c.name == bindparam("repository_name"), IS_THERE)
    .order_by(repositories.c.account_id, repositories.c.region)
    .limit(10),
)
_PAGE = Query(
    RepositoryRow,
    _ALL.where(*_OF_REGISTRY, repositories.c.name > bindparam("after"))
    .order_by(repositories.c.name)
    .limit(bindparam("count")),
)
_WITH_LIFECYCLE_POLICY = Query(
    RepositoryRow, _ALL.where(repositories.c.lifecycle_policy.is_not(None))
)
# A time beyond the interval was noted while the clock was ahead, and is due as well.
_IS_LIFECYCLE_DUE = repositories.c.lifecycle_policy.is_not(None) & (
    (repositories.c.lifecycle_due_at <= bindparam("by"))
    | (repositories.c.lifecycle_due_at > bindparam("beyond"))
)
_LIFECYCLE_DUE = Query(RepositoryRow, _ALL.where(_IS_LIFECYCLE_DUE))
_STILL_LIFECYCLE_DUE = Query(RepositoryRow, _ALL.where(_IS_REPOSITORY, _IS_LIFECYCLE_DUE))
_NEXT_LIFECYCLE_DUE: Scalars[float | None] = Scalars(
    select(func.min(repositories.c.lifecycle_due_at))
)
_LAST: Scalars[int | None] = Scalars(select(func.max(repositories.c.id)))
_COUNT: Scalars[int] = Scalars(
    select(func.count()).select_from(
        select(repositories.c.id).where(*_OF_REGISTRY).limit(bindparam("at_most")).subquery()
    )
)
_ANY_IMAGE: Scalars[int] = Scalars(
    select(images.c.id).where(images.c.repository_id == bindparam("repository")).limit(1)
)
_UPDATE = repositories.update().where(_IS_REPOSITORY)


def by_name(view: View, account_id: str, region: str, name: str) -> RepositoryRow | None:
    """Return a repository of a registry."""
    return _BY_NAME.first(view, account=account_id, in_region=region, repository_name=name)


def by_id(view: View, repository_id: int) -> RepositoryRow:
    """Return a repository that exists, of any registry."""
    return _BY_ID.one(view, repository=repository_id)


def of_registry(view: View, account_id: str, region: str) -> list[RepositoryRow]:
    """Return all repositories of a registry, by name."""
    return _OF_ONE_REGISTRY.all(view, account=account_id, in_region=region)


def registries(view: View) -> list[tuple[str, str]]:
    """Return the account and Region of every registry that has repositories, sorted."""
    return sorted((each.account_id, each.region) for each in _REGISTRIES.all(view))


def registries_with(view: View, name: str) -> list[RegistryRow]:
    """Return the first registries that have a repository of this name."""
    return _REGISTRIES_WITH.all(view, repository_name=name)


def page(view: View, account_id: str, region: str, after: str, count: int) -> list[RepositoryRow]:
    """Return at most `count` repositories of a registry after the name `after`, by name."""
    return _PAGE.all(view, account=account_id, in_region=region, after=after, count=count)


def with_lifecycle_policy(view: View) -> list[RepositoryRow]:
    """Return the repositories of all registries that have a lifecycle policy."""
    return _WITH_LIFECYCLE_POLICY.all(view)


def with_lifecycle_policy_due(view: View, by: float) -> list[RepositoryRow]:
    """Return the repositories of all registries whose lifecycle policy is due by this time."""
    return _LIFECYCLE_DUE.all(view, by=by, beyond=by + FARTHEST)


def with_lifecycle_policy_due_by(view: View, repository_id: int, by: float) -> RepositoryRow | None:
    """Return a repository, or None if its lifecycle policy is not due by this time."""
    return _STILL_LIFECYCLE_DUE.first(view, repository=repository_id, by=by, beyond=by + FARTHEST)


def next_lifecycle_policy_due(view: View) -> float | None:
    """Return the time at which the next lifecycle policy is due, in any registry, or None without a policy."""
    return _NEXT_LIFECYCLE_DUE.one(view)


def are_as_many(view: View, account_id: str, region: str, number: int) -> bool:
    """Return True if a registry has at least `number` repositories.

    They are counted only if all registries together have had that many.
    """
    if (_LAST.one(view) or 0) < number:
        return False
    return _COUNT.one(view, account=account_id, in_region=region, at_most=number) >= number


def has_images(view: View, repository_id: int) -> bool:
    """Return True if a repository has an image."""
    return _ANY_IMAGE.first(view, repository=repository_id) is not None


def insert(transaction: Transaction, columns: Mapping[str, Any]) -> int:
    """Add a repository and return its id. Raises RowRefused if its name is taken."""
    row_id: int = transaction.insert(repositories, columns)
    return row_id


def update(transaction: Transaction, repository_id: int, **columns: Any) -> None:
    """Store new values in columns of a repository."""
    transaction.change(_UPDATE, repository=repository_id, **columns)


def joined_with(
    other: type[_Other], columns: Mapping[str, ColumnElement[Any]], joined: FromClause
) -> Pairs[RepositoryRow, _Other]:
    """Return a query for a repository, by the parameters of `named`, and for rows that belong to it.

    `joined` is the table of repositories, outer joined with those of `columns`. Two separate queries take twice as
    long.
    """
    return Pairs(RepositoryRow, columns_of(repositories), other, columns, joined, *_IS_NAMED)


def named(account_id: str, region: str, name: str) -> dict[str, str]:
    """Return the parameters with which a query of `joined_with` finds the repository."""
    return {"account": account_id, "in_region": region, "repository_name": name}
