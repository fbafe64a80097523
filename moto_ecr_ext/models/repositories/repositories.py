"""Repositories: create, describe, delete, and their settings."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext import arns, settings
from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import (
    RepositoryAlreadyExistsException,
    RepositoryNotEmptyException,
    RepositoryNotFoundException,
    TooManyRepositories,
)
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size, refuse_pages_of
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused, Transaction, View

from .encryption import encryption_configuration_of
from .repository import Repository
from .resource_tags import merged_tags


class RepositoriesBackend(RegistryBackend):
    """Operations on repositories."""

    def create_repository(
        self,
        repository_name: str,
        registry_id: str | None = None,
        tags: list[dict[str, str]] | None = None,
        image_tag_mutability: str | None = None,
        image_tag_mutability_exclusion_filters: list[dict[str, str]] | None = None,
        image_scanning_configuration: dict[str, bool] | None = None,
        encryption_configuration: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Create a repository. In another account's registry, its policy must allow ecr:CreateRepository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
        """
        account_id = registry_id or self.account_id
        with self.store.database.write() as transaction:
            self.check_access(transaction, account_id, repository_name)
            if tags:
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-supported-iam-actions-tagging.html
                with acting("ecr:TagResource"):
                    self.authorize(
                        transaction,
                        arns.repository_arn(account_id, self.region_name, repository_name),
                    )
            repository = create_repository(
                self,
                transaction,
                repository_name,
                account_id,
                resource_tags=tags,
                mutability=image_tag_mutability,
                exclusion_filters=image_tag_mutability_exclusion_filters,
                scanning=image_scanning_configuration,
                encryption=encryption_configuration,
            )
            self.rules.registries.note_creation(
                transaction, self.place, repository.registry_id, repository_name
            )
        return {"repository": repository}

    def describe_repositories(
        self,
        registry_id: str | None = None,
        repository_names: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return repositories in the order of their names, or the named ones in the order of the request.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
        """
        with self.store.database.read() as view:
            if repository_names:
                refuse_pages_of("repositoryNames", next_token, max_results)
                named = dict.fromkeys(repository_names)
                return {"repositories": [self._named(view, name, registry_id) for name in named]}
            count = page_size(max_results)
            listing = "repositories"
            [after] = decode_token(listing, next_token, (str,)) or [""]
            found = self._page(view, after, count + 1, registry_id)
            elsewhere = [] if after or registry_id else self._created_elsewhere(view)
        page, token = cut_page(listing, found, max_results, lambda each: [each.repository_name])
        return {
            "repositories": [*page, *elsewhere],
            "nextToken": token,
        }

    def _named(self, view: View, name: str, registry_id: str | None) -> Repository:
        try:
            return self.repository(view, name, registry_id)
        except RepositoryNotFoundException:
            elsewhere = [] if registry_id else self._created_elsewhere(view)
            for each in elsewhere:
                if each.repository_name == name:
                    return each
            raise

    def _created_elsewhere(self, view: View) -> list[Repository]:
        return list(map(Repository.of, self.rules.registries.created_elsewhere(view, self.place)))

    def all_repositories(self) -> list[Repository]:
        """Return every repository of this registry. Access is not checked."""
        with self.store.database.read() as view:
            found = rows.repositories.of_registry(view, self.account_id, self.region_name)
        return [Repository.of(row) for row in found]

    def registries(self) -> list[tuple[str, str]]:
        """Return the account and Region of every registry of the store that has repositories."""
        with self.store.database.read() as view:
            return rows.repositories.registries(view)

    def registries_with(self, name: str) -> list[arns.Registry]:
        """Return some of the registries that have a repository of this name, in order."""
        with self.store.database.read_one() as view:
            found = rows.repositories.registries_with(view, name)
        return [arns.Registry(*each) for each in found]

    def list_repository_names(
        self, after: str, count: int, registry_id: str | None = None
    ) -> list[str]:
        """Return at most `count` names after `after`, in order."""
        with self.store.database.read() as view:
            found = self._page(view, after, count, registry_id)
        return [repository.repository_name for repository in found]

    def _page(
        self, view: View, after: str, count: int, registry_id: str | None
    ) -> list[Repository]:
        """Return at most `count` repositories after the name `after`.

        Another account's repositories need its registry policy to allow the action for all of them.
        """
        account_id = registry_id or self.account_id
        self.check_access(view, account_id, "*")
        found = rows.repositories.page(view, account_id, self.region_name, after, count)
        return [Repository.of(row) for row in found]

    def delete_repository(
        self, repository_name: str, registry_id: str | None = None, force: bool = False
    ) -> dict[str, Any]:
        """Delete a repository, with its images if `force` is set.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            if not force and rows.repositories.has_images(transaction, repository.id):
                raise RepositoryNotEmptyException(repository)
            uploads = rows.uploads.of_repository(transaction, repository.id)
            self.store.delete_repository(transaction, repository.id)
        for upload_id in uploads:
            self.store.cancel_upload(upload_id)
        return {"repository": repository}

    def put_image_tag_mutability(
        self,
        repository_name: str,
        image_tag_mutability: str,
        registry_id: str | None = None,
        image_tag_mutability_exclusion_filters: list[dict[str, str]] | None = None,
    ) -> Repository:
        """Set the mutability of a repository's tags, with exclusion filters.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html
        """
        filters = image_tag_mutability_exclusion_filters or None
        current_rules().images.check_exclusion_filters(image_tag_mutability, filters)
        with self.store.database.write() as transaction:
            return change_repository(
                transaction,
                self.repository(transaction, repository_name, registry_id),
                tag_mutability=image_tag_mutability,
                tag_mutability_exclusion_filters=filters,
            )


def create_repository(
    registry: RegistryBackend,
    transaction: Transaction,
    name: str,
    account_id: str,
    *,
    resource_tags: list[dict[str, str]] | None = None,
    mutability: str | None = None,
    exclusion_filters: list[dict[str, str]] | None = None,
    scanning: dict[str, bool] | None = None,
    encryption: dict[str, str] | None = None,
) -> Repository:
    """Create a repository with settings in the form of the API. Settings that are None get ECR's defaults.

    Raises RepositoryAlreadyExistsException, LimitExceededException, and the errors of the settings.
    """
    mutability = mutability or "MUTABLE"
    exclusion_filters = exclusion_filters or None
    current_rules().images.check_exclusion_filters(mutability, exclusion_filters)
    columns = {
        "account_id": account_id,
        "region": registry.region_name,
        "name": name,
        "created_at": timestamp(),
        "tag_mutability": mutability,
        "tag_mutability_exclusion_filters": exclusion_filters,
        "scan_on_push": bool((scanning or {}).get("scanOnPush")),
        "encryption": encryption_configuration_of(encryption, account_id, registry.region_name),
        "resource_tags": merged_tags({}, resource_tags or []),
    }
    most = settings.quota("repositories")
    registry_key = (account_id, registry.region_name)
    if (
        rows.repositories.are_as_many(transaction, *registry_key, most)
        and rows.repositories.by_name(transaction, *registry_key, name) is None
    ):
        raise TooManyRepositories(account_id, most)
    try:
        repository_id = rows.repositories.insert(transaction, columns)
    except RowRefused:
        raise RepositoryAlreadyExistsException(name, account_id) from None
    repository = repository_by_id(transaction, repository_id)
    registry.follow_creation(transaction, repository)
    return repository


def change_repository(
    transaction: Transaction, repository: Repository, **columns: Any
) -> Repository:
    """Store new values of columns, and return the changed repository.

    Access is not checked again, since the new policy may exclude the caller who has just put it.
    """
    rows.repositories.update(transaction, repository.id, **columns)
    return repository_by_id(transaction, repository.id)
