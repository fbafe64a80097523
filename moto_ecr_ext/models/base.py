"""The common base of all parts of the backend: its registry, the store, and the repositories in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar

from moto.core.base_backend import BaseBackend
from moto.ecr.models import ecr_backends

from moto_ecr_ext import arns, faults
from moto_ecr_ext.caller import Caller, current_caller
from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility import foreign
from moto_ecr_ext.compatibility.rules import Rules
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import RepositoryNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.moto_services.condition_keys import condition_values
from moto_ecr_ext.moto_services.iam import identity_policies
from moto_ecr_ext.policies.access import (
    Attempt,
    check_access_from_outside,
    check_permission,
    resource_policies,
)
from moto_ecr_ext.policies.documents import read_identity_policy
from moto_ecr_ext.process import this_process
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.repositories import RepositoryRow
from moto_ecr_ext.storage.store import Store, current_store

from .acts import Deletion, Push
from .repositories.repository import Repository

if TYPE_CHECKING:
    from typing_extensions import Self


# The name of the registry policy among the settings of a registry.
POLICY = "policy"


class RegistryBackend(BaseBackend):
    """One registry: an account in a Region. Its state is its rows in the store; the object has none.

    The base classes of `ECRBackend` derive only from this class. They share functions that take a registry, and these
    tuples of consequences, which run in order.
    """

    after_push: ClassVar[tuple[Callable[[RegistryBackend, Transaction, Push], None], ...]] = ()
    after_deletion: ClassVar[
        tuple[Callable[[RegistryBackend, Transaction, Deletion], None], ...]
    ] = ()
    after_creation: ClassVar[
        tuple[Callable[[RegistryBackend, Transaction, Repository], None], ...]
    ] = ()
    # Each does the work that is due and returns the time of its next work, in seconds since the epoch.
    background: ClassVar[tuple[Callable[[RegistryBackend], float], ...]] = ()

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.store: Store = current_store()

    @property
    def rules(self) -> Rules:
        """The rules of the current call: AWS's answers, or moto's."""
        return current_rules()

    @property
    def place(self) -> arns.Registry:
        """The account and the Region."""
        return arns.Registry(self.account_id, self.region_name)

    def reset(self) -> None:
        """Empty the store. moto resets all accounts and Regions at once."""
        self.store.clear()

    def registry(self, account_id: str, region: str) -> Self:
        """Return the backend of a registry. Raises KeyError for a Region that moto does not know."""
        # In moto's types, it is moto's own backend.
        found: Any = ecr_backends[account_id][region]
        backend: Self = found
        return backend

    def follow_push(self, transaction: Transaction, push: Push) -> None:
        """Run the consequences of a push, in order."""
        if faults.active and push.new_tag is None:
            where = push.repository
            faults.note_push(
                where.registry_id, where.region, where.repository_name, push.image.digest
            )
        for follow in self.after_push:
            follow(self, transaction, push)

    def follow_deletion(self, transaction: Transaction, deletion: Deletion) -> None:
        """Run the consequences of a deletion, in order."""
        for follow in self.after_deletion:
            follow(self, transaction, deletion)

    def follow_creation(self, transaction: Transaction, repository: Repository) -> None:
        """Run the consequences of creating a repository, in order."""
        for follow in self.after_creation:
            follow(self, transaction, repository)

    def catch_up(self) -> None:
        """Do the work that is due in all registries, before a request is served, in the process that is moto."""
        at = now()
        if self.store.schedule.is_due(at):
            this_process().need_moto()
            self.store.schedule.catch_up(at, self._do_what_is_due)

    def _do_what_is_due(self) -> float:
        return min(work(self) for work in self.background)

    def repository(self, view: View, name: str, registry_id: str | None = None) -> Repository:
        """Return the repository `name` of this registry, or of the registry of another account in the same Region.

        Raises RepositoryNotFoundException, and AccessDeniedException if the other account denies access.
        """
        account_id = registry_id or self.account_id
        row = rows.repositories.by_name(view, account_id, self.region_name, name)
        return self.admit(view, row, name, account_id)

    def repository_anywhere(self, view: View, name: str, registry_id: str | None) -> Repository:
        """Return what `repository` returns or, if the rules ignore `registry_id` and it fails, one of this registry."""
        try:
            return self.repository(view, name, registry_id)
        except (RepositoryNotFoundException, AccessDeniedException):
            row = rows.repositories.by_name(view, self.account_id, self.region_name, name)
            is_foreign = registry_id is not None and registry_id != self.account_id
            if (
                row is None
                or not is_foreign
                or not self.rules.registries.ignore_id(str(registry_id))
            ):
                raise
            return self.admit(view, row, name, self.account_id)

    def admit(
        self, view: View, row: RepositoryRow | None, name: str, account_id: str
    ) -> Repository:
        """Return the repository of a row that was looked up by its name. Raises the errors of `repository`."""
        if row is None:
            raise RepositoryNotFoundException(name, account_id)
        if row.lifecycle_due_at is not None:
            self.store.schedule.correct(row.lifecycle_due_at, now())
        self.check_access(view, account_id, name, row.policy, row.resource_tags)
        return Repository.of(row)

    def view(self, registry_id: str | None) -> AbstractContextManager[View]:
        """Return a view: for one query, or for several if another account's policies are read too."""
        if self._is_at_home(registry_id or self.account_id):
            return self.store.database.read_one()
        return self.store.database.read()

    def check_access(
        self,
        view: View,
        account_id: str,
        repository_name: str,
        repository_policy: str | None = None,
        resource_tags: Mapping[str, str] | None = None,
    ) -> None:
        """Raise AccessDeniedException if another account denies the caller access to its repository.

        A service that acts for a caller needs permission of every account. The repository need not exist; `*` means all
        repositories.
        """
        if self._is_at_home(account_id):
            return
        caller = current_caller()
        if caller is None:
            return  # moto itself, which calls on behalf of nobody
        resource = arns.repository_arn(account_id, self.region_name, repository_name)
        policies = resource_policies(self.setting(view, POLICY, account_id), repository_policy)
        attempt = self.attempt(caller, resource, account_id, resource_tags or {})
        try:
            check_access_from_outside(attempt, policies)
        except AccessDeniedException:
            is_open = not caller.is_service and foreign.is_open(
                view,
                self.place,
                caller.action,
                account_id,
                repository_name,
                has_policies=bool(policies),
            )
            if not (is_open and self.rules.registries.allow_without_policy(account_id)):
                raise

    def _is_at_home(self, account_id: str) -> bool:
        """Return True if the current caller needs no policy to access an account."""
        if account_id != self.account_id:
            return False
        caller = current_caller()
        return caller is None or not caller.is_service

    def attempt(
        self, caller: Caller, resource: str, account_id: str, resource_tags: Mapping[str, str]
    ) -> Attempt:
        """Return the access request of a call: its caller, its resource in an account, and its condition values."""
        return Attempt(
            caller,
            "" if caller.is_service else self.account_id,
            resource,
            condition_values(caller, self.region_name, account_id, resource_tags),
        )

    def authorize(self, view: View, resource: str) -> None:
        """Raise AccessDeniedException if moto's IAM is enforced and denies the caller's action.

        `resource` is the ARN of a repository, which need not exist, or `*`. The permission of another account is
        checked when its repository is read. Raises UnrecognizedClientException for a caller that IAM does not know.
        """
        caller = current_caller()
        if caller is not None and caller.is_enforced:
            named = arns.repository_of_arn(resource)
            row = rows.repositories.by_name(view, *named) if named else None
            policies = []
            if named and named[:2] == (self.account_id, self.region_name):
                policies = resource_policies(
                    self.setting(view, POLICY), row.policy if row else None
                )
            account_id = named.account_id if named else self.account_id
            check_permission(
                self.attempt(caller, resource, account_id, row.resource_tags if row else {}),
                [read_identity_policy(text) for text in identity_policies(caller.principal)],
                policies,
            )

    def authorize_call(self, resources: Iterable[str]) -> None:
        """Authorize the caller for each of the resources of a call, before it begins. Raises as `authorize` does."""
        with self.store.database.read() as view:
            for resource in resources:
                self.authorize(view, resource)

    def setting(self, view: View, name: str, account_id: str | None = None) -> Any | None:
        """Return the setting `name` of this registry, or of another account's registry in the Region."""
        account_id = account_id or self.account_id
        return rows.registry_settings.value(view, account_id, self.region_name, name)

    def store_setting(self, transaction: Transaction, name: str, value: Any) -> None:
        """Store a value under `name` in the settings of this registry."""
        rows.registry_settings.store(transaction, self.account_id, self.region_name, name, value)

    def delete_setting(self, transaction: Transaction, name: str) -> None:
        """Remove `name` from the settings of this registry."""
        rows.registry_settings.delete(transaction, self.account_id, self.region_name, name)


def repository_by_id(view: View, repository_id: int) -> Repository:
    """Return the repository of an existing row, of any registry. Access is not checked."""
    return Repository.of(rows.repositories.by_id(view, repository_id))
