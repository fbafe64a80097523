"""Repositories that an account created in other registries, without a policy.

moto lists them among the account's own, and allows every operation on them. The account's registry notes them.
"""

from __future__ import annotations

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.repositories import RepositoryRow

# The actions that moto allows in the registries of all accounts.
_OF_REPOSITORIES = frozenset(("ecr:CreateRepository", "ecr:DescribeRepositories"))

# The name of the list among the registry's settings.
_SETTING = "created_elsewhere"


def is_open(
    view: View, home: Registry, action: str, account_id: str, name: str, *, has_policies: bool
) -> bool:
    """Return True if moto, which knows no policies, allows an action of an account on another one's repository.

    Where the other repository or registry has policies, they decide, but not for a repository that the account of
    `home` created.
    """
    if action in _OF_REPOSITORIES and not has_policies:
        return True
    return [account_id, name] in _noted(view, home)


def note(transaction: Transaction, home: Registry, account_id: str, name: str) -> None:
    """Note a repository that the account of `home` has created in the registry of another account."""
    noted = _noted(transaction, home)
    if [account_id, name] not in noted:
        value = {"repositories": [*noted, [account_id, name]]}
        rows.registry_settings.store(transaction, home.account_id, home.region, _SETTING, value)


def existing(view: View, home: Registry) -> list[RepositoryRow]:
    """Return the noted repositories that exist."""
    found = (
        rows.repositories.by_name(view, account_id, home.region, name)
        for account_id, name in _noted(view, home)
    )
    return [row for row in found if row is not None]


def _noted(view: View, home: Registry) -> list[list[str]]:
    noted = rows.registry_settings.value(view, home.account_id, home.region, _SETTING)
    return noted["repositories"] if noted else []
