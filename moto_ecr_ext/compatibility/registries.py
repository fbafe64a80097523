"""Rules of registries: access to those of other accounts, passwords, and the length of lists."""

from __future__ import annotations

import re
from typing import NamedTuple

from moto_ecr_ext.arns import Registry
from moto_ecr_ext.settings import leniencies
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.repositories import RepositoryRow

from . import foreign
from .answers import Answers

# moto's password is the account and this suffix.
_PASSWORD_SUFFIX = "-auth-token"  # nosec B105
DEFAULT_LIST_SIZE = 100
# A number of entries that no registry reaches.
_WHOLE_LIST = 2**31 - 1


class ConstantPassword(NamedTuple):
    """A password that is always the same for a registry. It has expired at the beginning of 2015."""

    text: str
    expires_at: float = 1420070400.0


class RegistryRules(Answers):
    """What a registry accepts of other accounts, and what it tells its own."""

    __slots__ = ()

    def ignore_id(self, registry_id: str) -> bool:
        """Return True if `registryId` does not select a registry, for operations on images."""
        return self._applies(leniencies.IGNORED_REGISTRY_IDS, registry_id)

    def allow_without_policy(self, registry_id: str) -> bool:
        """Return True if another account's registry needs no policy to allow an attempt of `foreign.is_open`."""
        return self._applies(leniencies.FOREIGN_REGISTRIES, f"registryId {registry_id}")

    def note_creation(
        self, transaction: Transaction, home: Registry, account_id: str, name: str
    ) -> None:
        """Note a repository that an account creates in another registry, if it is the creator's for ever."""
        if account_id != home.account_id and self._is_on(leniencies.FOREIGN_REGISTRIES):
            foreign.note(transaction, home, account_id, name)

    def created_elsewhere(self, view: View, home: Registry) -> list[RepositoryRow]:
        """Return the repositories that an account created in other registries and lists as its own. ECR has none."""
        if not self._is_on(leniencies.FOREIGN_REGISTRIES):
            return []
        return foreign.existing(view, home)

    def has_constant_passwords(self) -> bool:
        """Return True if GetAuthorizationToken returns constant passwords. Those of ECR are signed."""
        return self._applies(leniencies.CONSTANT_TOKEN, "a token")

    @staticmethod
    def constant_password(registry_id: str) -> ConstantPassword:
        """Return the constant password of a registry."""
        return ConstantPassword(f"{registry_id}{_PASSWORD_SUFFIX}")

    def account_of_password(self, password: str) -> str | None:
        """Return the account of a constant password; None for another text, or if they are not accepted."""
        account_id, mark, rest = password.partition(_PASSWORD_SUFFIX)
        if not mark or rest or not re.fullmatch("[0-9]{1,64}", account_id):
            return None
        if not self._applies(leniencies.CONSTANT_TOKEN, "moto's constant password"):
            return None
        return account_id

    def refuse_several_replication_rules(self, count: int) -> bool:
        """Return True if a replication configuration may have one rule only."""
        return self._applies(leniencies.ONE_REPLICATION_RULE, f"{count} rules")

    @property
    def list_size(self) -> int:
        """The largest number of entries of a list whose request names none."""
        return _WHOLE_LIST if self._is_on(leniencies.WHOLE_LISTS) else DEFAULT_LIST_SIZE

    def note_long_list(self) -> None:
        """Report a list that `list_size` cuts, or does not cut as ECR would."""
        self._applies(leniencies.WHOLE_LISTS, "a list of more than 100 entries")
