"""Rows of pull-through cache rules, and of the tags that they have cached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import pull_through_cache_rules as rules
from .tables import upstream_tags


class RuleRow(NamedTuple):
    """A pull-through cache rule. Prefixes have no `/` at their end; times are in seconds since the epoch."""

    account_id: str
    region: str
    prefix: str
    upstream: str
    upstream_url: str
    upstream_prefix: str
    credential_arn: str | None
    custom_role_arn: str | None
    upstream_role_arn: str | None
    created_at: float
    updated_at: float


_OF_REGISTRY = (
    rules.c.account_id == bindparam("account"),
    rules.c.region == bindparam("in_region"),
)
_IS_RULE = (*_OF_REGISTRY, rules.c.prefix == bindparam("of_prefix"))
_RULES = Query(RuleRow, select(rules).where(*_OF_REGISTRY).order_by(rules.c.prefix))
_RULE = Query(RuleRow, select(rules).where(*_IS_RULE))
_UPDATE = rules.update().where(*_IS_RULE)
_DELETE = rules.delete().where(*_IS_RULE)
_FORGET_TAG = upstream_tags.delete().where(upstream_tags.c.tag_id == bindparam("of_tag"))


def rules_of_registry(view: View, account_id: str, region: str) -> list[RuleRow]:
    """Return all rules of a registry, by prefix."""
    return _RULES.all(view, account=account_id, in_region=region)


def rule(view: View, account_id: str, region: str, prefix: str) -> RuleRow | None:
    """Return the rule of a registry for a prefix."""
    return _RULE.first(view, account=account_id, in_region=region, of_prefix=prefix)


def insert_rule(transaction: Transaction, row: Mapping[str, Any]) -> None:
    """Add a rule. Raises RowRefused if the prefix has one."""
    transaction.insert(rules, row)


def update_rule(
    transaction: Transaction, account_id: str, region: str, prefix: str, **columns: Any
) -> None:
    """Store new values in columns of a rule."""
    transaction.change(_UPDATE, account=account_id, in_region=region, of_prefix=prefix, **columns)


def delete_rule(transaction: Transaction, account_id: str, region: str, prefix: str) -> None:
    """Remove a rule."""
    transaction.change(_DELETE, account=account_id, in_region=region, of_prefix=prefix)


def note_check(transaction: Transaction, tag_id: int, image_id: int, at: float) -> None:
    """Note that the upstream registry was asked for a tag at this time, and the image that the tag named then."""
    transaction.change(_FORGET_TAG, of_tag=tag_id)
    transaction.insert(upstream_tags, {"tag_id": tag_id, "image_id": image_id, "checked_at": at})
