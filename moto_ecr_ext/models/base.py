"""What every part of the backend stands on: its registry, the store, and the repositories in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any

from moto.core.base_backend import BaseBackend
from sqlalchemy import ColumnElement, Connection, FromClause, bindparam, select

from moto_ecr_ext import hosts
from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import RepositoryNotFoundException
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.access import (
    check_access_from_outside,
    check_permission,
    resource_policies,
)
from moto_ecr_ext.policies.documents import PolicyDocument
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.storage.store import Store, current_store

_REPOSITORY_COLUMNS = [each.label(f"repository_{each.name}") for each in tables.repositories.c]


def repository_with(*columns: ColumnElement[Any], joined: FromClause) -> Query:
    """A query for `RegistryBackend._repository_with`: a repository by its name, and what it has.

    `joined` is the table of repositories, outer joined with those of `columns`, so that these are None where the
    repository has nothing of the kind. The columns of the repository come last in a row.
    """
    return Query(
        select(*columns, *_REPOSITORY_COLUMNS)
        .select_from(joined)
        .where(
            tables.repositories.c.account_id == bindparam("account"),
            tables.repositories.c.region == bindparam("in_region"),
            tables.repositories.c.name == bindparam("repository_name"),
        )
    )


_REPOSITORY = repository_with(joined=tables.repositories)
_REPOSITORY_BY_ID = Query(
    select(tables.repositories).where(tables.repositories.c.id == bindparam("repository"))
)
_SETTING_IS = (
    (tables.registry_settings.c.account_id == bindparam("account"))
    & (tables.registry_settings.c.region == bindparam("in_region"))
    & (tables.registry_settings.c.name == bindparam("setting"))
)
_SETTING = Query(select(tables.registry_settings.c.value).where(_SETTING_IS))
_DELETE_SETTING = tables.registry_settings.delete().where(_SETTING_IS)
_UPDATE_SETTING = tables.registry_settings.update().where(_SETTING_IS)


class RegistryBackend(BaseBackend):
    """One registry: an account in a region. It keeps nothing itself; the rows of the store that are its own are it."""

    def __init__(self, region_name: str, account_id: str):
        super().__init__(region_name, account_id)
        self.store: Store = current_store()

    def reset(self) -> None:
        """Empty the store: moto resets all accounts and regions at once."""
        self.store.clear()

    def catch_up(self) -> None:
        """Do what the clock has made due in any registry, before a request is served."""
        self.store.schedule.catch_up(now(), self._do_what_is_due)

    def _do_what_is_due(self) -> float:
        """Do it, and say when something is due next; other parts of the backend add to it."""
        return math.inf

    def _repository(
        self, transaction: Connection, name: str, registry_id: str | None = None
    ) -> Repository:
        """The repository `name` of this registry, or of the registry of another account in the same region.

        Raises RepositoryNotFoundException, and AccessDeniedException when the other account does not let this one in.
        """
        repository, _ = self._repository_with(_REPOSITORY, transaction, name, registry_id)
        return repository

    def _repository_with(
        self,
        query: Query,
        transaction: Connection,
        name: str,
        registry_id: str | None,
        **values: object,
    ) -> tuple[Repository, Any]:
        """As `_repository`, and the row of the query, for these values of its bind parameters.

        Asking for a repository and then for what it has takes twice as long.
        """
        account_id = registry_id or self.account_id
        row = query.first(
            transaction,
            {
                "account": account_id,
                "in_region": self.region_name,
                "repository_name": name,
                **values,
            },
        )
        if row is None:
            raise RepositoryNotFoundException(name, account_id)
        repository = Repository.from_row(row[-len(_REPOSITORY_COLUMNS) :])
        if repository.lifecycle_due_at is not None:
            self.store.schedule.notice(repository.lifecycle_due_at)
        self._check_access(transaction, account_id, name, repository.policy_text)
        return repository, row

    def _view(self, registry_id: str | None) -> AbstractContextManager[Connection]:
        """A view of the rows for one `_repository_with`, which takes a second query for another account's policies."""
        is_own = registry_id is None or registry_id == self.account_id
        return self.store.database.glance() if is_own else self.store.database.read()

    def _repository_by_id(self, transaction: Connection, row_id: int) -> Repository:
        """The repository of a row, of any registry, whoever calls. It has to be there."""
        [row] = _REPOSITORY_BY_ID.all(transaction, {"repository": row_id})
        return Repository.from_row(row)

    def _check_access(
        self,
        transaction: Connection,
        account_id: str,
        repository_name: str,
        repository_policy: str | None = None,
    ) -> None:
        """Raise AccessDeniedException for repositories of another account that does not let this one in.

        The repository need not be there; `*` is all of them.
        """
        if account_id == self.account_id:
            return
        caller = current_caller()
        if caller is None:
            return  # moto itself, which calls on behalf of nobody
        check_access_from_outside(
            caller,
            self.account_id,
            hosts.repository_arn(account_id, self.region_name, repository_name),
            resource_policies(self._setting(transaction, "policy", account_id), repository_policy),
        )

    def authorize(self, transaction: Connection, resource: str) -> None:
        """Raise AccessDeniedException where moto's IAM is enforced and does not permit the caller's action.

        `resource` is the ARN of a repository, which need not be there, or `*`. That another account lets the caller in
        is checked when its repository is read. Raises UnrecognizedClientException for a caller that IAM does not know.
        """
        caller = current_caller()
        if caller is not None and caller.is_enforced:
            policies = self._policies_of(transaction, resource)
            check_permission(caller, self.account_id, resource, policies)

    def _policies_of(self, transaction: Connection, resource: str) -> list[PolicyDocument]:
        """The policies that this registry has for a resource; none for what is another's."""
        name = resource.removeprefix(hosts.repository_arn(self.account_id, self.region_name, ""))
        if name == resource:
            return []
        row = _REPOSITORY.first(
            transaction,
            {"account": self.account_id, "in_region": self.region_name, "repository_name": name},
        )
        return resource_policies(
            self._setting(transaction, "policy"),
            Repository.from_row(row).policy_text if row else None,
        )

    def _setting(
        self, transaction: Connection, name: str, account_id: str | None = None
    ) -> Any | None:
        """What this registry, or that of another account in the region, has stored under `name`."""
        row = _SETTING.first(transaction, self._setting_key(name, account_id))
        return row.value if row else None

    def _store_setting(self, transaction: Connection, name: str, value: Any) -> None:
        key = self._setting_key(name)
        if transaction.execute(_UPDATE_SETTING, {**key, "value": value}).rowcount == 0:
            transaction.execute(
                tables.registry_settings.insert(),
                {
                    "account_id": self.account_id,
                    "region": self.region_name,
                    "name": name,
                    "value": value,
                },
            )

    def _delete_setting(self, transaction: Connection, name: str) -> None:
        transaction.execute(_DELETE_SETTING, self._setting_key(name))

    def _setting_key(self, name: str, account_id: str | None = None) -> Mapping[str, str]:
        return {
            "account": account_id or self.account_id,
            "in_region": self.region_name,
            "setting": name,
        }
