"""Rows of repository creation templates."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import creation_templates


class TemplateRow(NamedTuple):
    """A template. `settings` has the members of the API as given; times are in seconds since the epoch."""

    prefix: str
    created_at: float
    updated_at: float
    settings: dict[str, Any]


_OF_REGISTRY = (
    creation_templates.c.account_id == bindparam("account"),
    creation_templates.c.region == bindparam("in_region"),
)
_IS_TEMPLATE = (*_OF_REGISTRY, creation_templates.c.prefix == bindparam("of_prefix"))
_ALL = select(*(creation_templates.c[name] for name in TemplateRow._fields))
_OF_ONE_REGISTRY = Query(
    TemplateRow, _ALL.where(*_OF_REGISTRY).order_by(creation_templates.c.prefix)
)
_BY_PREFIX = Query(TemplateRow, _ALL.where(*_IS_TEMPLATE))
_UPDATE = creation_templates.update().where(*_IS_TEMPLATE)
_DELETE = creation_templates.delete().where(*_IS_TEMPLATE)


def of_registry(view: View, account_id: str, region: str) -> list[TemplateRow]:
    """Return all templates of a registry, by prefix."""
    return _OF_ONE_REGISTRY.all(view, account=account_id, in_region=region)


def by_prefix(view: View, account_id: str, region: str, prefix: str) -> TemplateRow | None:
    """Return the template of a registry for a prefix without a `/` at its end."""
    return _BY_PREFIX.first(view, account=account_id, in_region=region, of_prefix=prefix)


def insert(
    transaction: Transaction, account_id: str, region: str, prefix: str, **columns: Any
) -> None:
    """Add a template. Raises RowRefused if the prefix has one."""
    transaction.insert(
        creation_templates,
        {"account_id": account_id, "region": region, "prefix": prefix, **columns},
    )


def update(
    transaction: Transaction, account_id: str, region: str, prefix: str, **columns: Any
) -> None:
    """Store new values in columns of a template."""
    transaction.change(_UPDATE, account=account_id, in_region=region, of_prefix=prefix, **columns)


def delete(transaction: Transaction, account_id: str, region: str, prefix: str) -> None:
    """Remove a template."""
    transaction.change(_DELETE, account=account_id, in_region=region, of_prefix=prefix)
