"""Repositories that an account created in other registries, which moto lists among the account's own.

With the leniency `foreign-registries`, this needs no policy. The account's registry notes the repositories.
"""

from __future__ import annotations

from moto_ecr_ext.compatibility import FOREIGN_REGISTRIES
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .repository import Repository

# The name of the list among the registry's settings.
_SETTING = "created_elsewhere"


def note_creation(
    registry: RegistryBackend, transaction: Transaction, repository: Repository
) -> None:
    """Note that a registry's account has created a repository in another registry."""
    noted = _noted(registry, transaction)
    name = [repository.registry_id, repository.repository_name]
    if name not in noted:
        registry.store_setting(transaction, _SETTING, {"repositories": [*noted, name]})


def created_elsewhere(registry: RegistryBackend, view: View) -> list[Repository]:
    """Return the existing repositories that the account created in other registries; none without the leniency."""
    if not FOREIGN_REGISTRIES.is_on:
        return []
    found = (
        rows.repositories.by_name(view, account_id, registry.region_name, name)
        for account_id, name in _noted(registry, view)
    )
    return [Repository.of(row) for row in found if row is not None]


def _noted(registry: RegistryBackend, view: View) -> list[list[str]]:
    noted = registry.setting(view, _SETTING)
    return noted["repositories"] if noted else []
