"""The leniency `foreign-registries`: repositories that an account created in other registries, without a policy.

moto lists them among the account's own, and allows every operation on them. The account's registry notes them.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from moto_ecr_ext.compatibility import FOREIGN_REGISTRIES
from moto_ecr_ext.policies.access import Attempt
from moto_ecr_ext.policies.documents import PolicyDocument
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .repository import Repository

if TYPE_CHECKING:
    from moto_ecr_ext.models.base import RegistryBackend

# The actions that moto allows in the registries of all accounts.
_OF_REPOSITORIES = frozenset(("ecr:CreateRepository", "ecr:DescribeRepositories"))

# The name of the list among the registry's settings.
_SETTING = "created_elsewhere"


def allows_without_policy(
    registry: RegistryBackend,
    view: View,
    attempt: Attempt,
    name: list[str],
    policies: Collection[PolicyDocument],
) -> bool:
    """Return True if the leniency allows an attempt that `policies` do not allow.

    `name` is the account and the name of a repository. moto knows no policies. Where another account's repository or
    registry has some, they decide; for a repository that the caller's account created they do not.
    """
    if attempt.caller.is_service:
        return False
    is_allowed = attempt.caller.action in _OF_REPOSITORIES and not policies
    if not is_allowed and name not in _noted(registry, view):
        return False
    return FOREIGN_REGISTRIES.applies(f"registryId {name[0]}")


def note_creation(
    registry: RegistryBackend, transaction: Transaction, repository: Repository
) -> None:
    """Note a repository that a registry's account has created, if it is in another registry."""
    if repository.registry_id == registry.account_id or not FOREIGN_REGISTRIES.is_on:
        return
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
