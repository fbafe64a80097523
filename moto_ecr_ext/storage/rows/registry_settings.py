"""Rows of settings of a registry: its policy, its scanning, replication and signing configuration."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import registry_settings


class SettingRow(NamedTuple):
    """A setting of one registry. Its value is a parsed JSON value."""

    account_id: str
    region: str
    value: Any


_IS_SETTING = (
    (registry_settings.c.account_id == bindparam("account"))
    & (registry_settings.c.region == bindparam("in_region"))
    & (registry_settings.c.name == bindparam("setting"))
)
_VALUE: Scalars[Any] = Scalars(select(registry_settings.c.value).where(_IS_SETTING))
_OF_NAME = Query(
    SettingRow,
    select(
        registry_settings.c.account_id, registry_settings.c.region, registry_settings.c.value
    ).where(registry_settings.c.name == bindparam("setting")),
)
_UPDATE = registry_settings.update().where(_IS_SETTING)
_DELETE = registry_settings.delete().where(_IS_SETTING)


def value(view: View, account_id: str, region: str, name: str) -> Any | None:
    """Return the value of a setting, parsed from JSON; None if it is not set."""
    return _VALUE.first(view, account=account_id, in_region=region, setting=name)


def of_name(view: View, name: str) -> list[SettingRow]:
    """Return the values of a setting in all registries that have it."""
    return _OF_NAME.all(view, setting=name)


def store(transaction: Transaction, account_id: str, region: str, name: str, value: Any) -> None:
    """Set a setting."""
    key = {"account": account_id, "in_region": region, "setting": name}
    if transaction.change(_UPDATE, **key, value=value) == 0:
        transaction.insert(
            registry_settings,
            {"account_id": account_id, "region": region, "name": name, "value": value},
        )


def delete(transaction: Transaction, account_id: str, region: str, name: str) -> None:
    """Remove a setting."""
    transaction.change(_DELETE, account=account_id, in_region=region, setting=name)
