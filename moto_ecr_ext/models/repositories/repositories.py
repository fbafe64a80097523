"""Repositories: create, describe, delete, their settings and their resource tags."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import IntegrityError

from moto_ecr_ext import hosts
from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    InvalidParameterException,
    InvalidTagParameterException,
    RepositoryAlreadyExistsException,
    RepositoryNotEmptyException,
    TooManyTagsException,
    ValidationException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import (
    DEFAULT_PAGE_SIZE,
    decode_token,
    encode_token,
    refuse_pages_of,
)
from moto_ecr_ext.policies.tag_filters import check_exclusion_filters
from moto_ecr_ext.storage.rows import tables

from .encryption import encryption_configuration_of
from .repository import Repository

MAX_RESOURCE_TAGS = 50

_OF_REGISTRY = (tables.repositories.c.account_id == bindparam("account")) & (
    tables.repositories.c.region == bindparam("in_region")
)
_PAGE = (
    select(tables.repositories)
    .where(_OF_REGISTRY, tables.repositories.c.name > bindparam("after"))
    .order_by(tables.repositories.c.name)
    .limit(bindparam("count"))
)
_IS_REPOSITORY = tables.repositories.c.id == bindparam("repository")
_UPDATE = tables.repositories.update().where(_IS_REPOSITORY)
_DELETE = tables.repositories.delete().where(_IS_REPOSITORY)
_HAS_IMAGES = select(func.count()).select_from(
    select(tables.images.c.id)
    .where(tables.images.c.repository_id == bindparam("repository"))
    .limit(1)
    .subquery()
)
_BLOBS = select(tables.repository_blobs.c.digest).where(
    tables.repository_blobs.c.repository_id == bindparam("repository")
)
_UPLOADS = select(tables.uploads.c.id).where(
    tables.uploads.c.repository_id == bindparam("repository")
)
_ARN = re.compile(
    r"arn:[a-z-]+:ecr:[a-z0-9-]+:(?P<account>[0-9]{12}):repository/(?P<name>[a-z0-9._/-]+)"
)


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
        """Another account's registry takes a repository where its policy allows ecr:CreateRepository.

        There is no limit to how many repositories a registry has.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
        """
        account_id = registry_id or self.account_id
        with self.store.database.write() as transaction:
            self._check_access(transaction, account_id, repository_name)
            if tags:
                # https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-supported-iam-actions-tagging.html
                with acting("ecr:TagResource"):
                    self.authorize(
                        transaction,
                        hosts.repository_arn(account_id, self.region_name, repository_name),
                    )
            repository = self._create(
                transaction,
                repository_name,
                account_id,
                resource_tags=tags,
                mutability=image_tag_mutability,
                exclusion_filters=image_tag_mutability_exclusion_filters,
                scanning=image_scanning_configuration,
                encryption=encryption_configuration,
            )
        return {"repository": repository}

    def _create(
        self,
        transaction: Connection,
        name: str,
        account_id: str,
        *,
        resource_tags: list[dict[str, str]] | None = None,
        mutability: str | None = None,
        exclusion_filters: list[dict[str, str]] | None = None,
        scanning: dict[str, bool] | None = None,
        encryption: dict[str, str] | None = None,
    ) -> Repository:
        """A new repository with settings as the API has them, ECR's defaults in place of those that are None.

        Raises RepositoryAlreadyExistsException, and what the settings are refused with.
        """
        mutability = mutability or "MUTABLE"
        exclusion_filters = exclusion_filters or None
        check_exclusion_filters(mutability, exclusion_filters)
        columns = {
            "account_id": account_id,
            "region": self.region_name,
            "name": name,
            "created_at": round(now(), 3),
            "tag_mutability": mutability,
            "tag_mutability_exclusion_filters": exclusion_filters,
            "scan_on_push": bool((scanning or {}).get("scanOnPush")),
            "encryption": encryption_configuration_of(encryption, account_id, self.region_name),
            "resource_tags": merged_tags({}, resource_tags or []),
        }
        try:
            inserted = transaction.execute(
                tables.repositories.insert(), columns
            ).inserted_primary_key
        except IntegrityError:
            raise RepositoryAlreadyExistsException(name, account_id) from None
        assert inserted is not None
        return self._repository_by_id(transaction, inserted.id)

    def describe_repositories(
        self,
        registry_id: str | None = None,
        repository_names: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Repositories in the order of their names, or those named, in the order asked for.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositories.html
        """
        with self.store.database.read() as transaction:
            if repository_names:
                refuse_pages_of("repositoryNames", next_token, max_results)
                named = dict.fromkeys(repository_names)
                return {
                    "repositories": [
                        self._repository(transaction, name, registry_id) for name in named
                    ]
                }
            count = max_results or DEFAULT_PAGE_SIZE
            [after] = decode_token("repositories", next_token, (str,)) or [""]
            found = self._page(transaction, after, count + 1, registry_id)
        page = found[:count]
        more = len(found) > count
        return {
            "repositories": page,
            "nextToken": encode_token("repositories", [page[-1].repository_name]) if more else None,
        }

    def list_repository_names(
        self, after: str, count: int, registry_id: str | None = None
    ) -> list[str]:
        """At most `count` names behind `after`, in their order."""
        with self.store.database.read() as transaction:
            found = self._page(transaction, after, count, registry_id)
        return [repository.repository_name for repository in found]

    def _page(
        self, transaction: Connection, after: str, count: int, registry_id: str | None
    ) -> list[Repository]:
        """At most `count` repositories behind the name `after`.

        Those of another account are shown where its registry's policy allows it for all of them.
        """
        account_id = registry_id or self.account_id
        self._check_access(transaction, account_id, "*")
        rows = transaction.execute(
            _PAGE,
            {
                "account": account_id,
                "in_region": self.region_name,
                "after": after,
                "count": count,
            },
        )
        return [Repository.from_row(row) for row in rows]

    def delete_repository(
        self, repository_name: str, registry_id: str | None = None, force: bool = False
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepository.html"""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            key = {"repository": repository.id}
            if not force and transaction.execute(_HAS_IMAGES, key).scalar_one():
                raise RepositoryNotEmptyException(repository_name, repository.registry_id)
            blobs = transaction.execute(_BLOBS, key).scalars().all()
            uploads = transaction.execute(_UPLOADS, key).scalars().all()
            transaction.execute(_DELETE, key)
            self.store.release_after_commit(blobs)
        for upload_id in uploads:
            self.store.discard_upload(upload_id)
        return {"repository": repository}

    def put_image_tag_mutability(
        self,
        repository_name: str,
        image_tag_mutability: str,
        registry_id: str | None = None,
        image_tag_mutability_exclusion_filters: list[dict[str, str]] | None = None,
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageTagMutability.html"""
        filters = image_tag_mutability_exclusion_filters or None
        check_exclusion_filters(image_tag_mutability, filters)
        with self.store.database.write() as transaction:
            return self._change(
                transaction,
                self._repository(transaction, repository_name, registry_id),
                tag_mutability=image_tag_mutability,
                tag_mutability_exclusion_filters=filters,
            )

    def put_image_scanning_configuration(
        self,
        repository_name: str,
        image_scanning_configuration: dict[str, bool],
        registry_id: str | None = None,
    ) -> Repository:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html"""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            scanning = self._setting(transaction, "scanning", repository.registry_id)
            if scanning and scanning["scanType"] == "ENHANCED":
                raise ValidationException("This feature is disabled")
            return self._change(
                transaction,
                repository,
                scan_on_push=bool(image_scanning_configuration.get("scanOnPush")),
            )

    def tag_resource(self, resource_arn: str, tags: list[dict[str, str]]) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html"""
        with self.store.database.write() as transaction:
            repository = self._repository_of_arn(transaction, resource_arn)
            self._change(
                transaction, repository, resource_tags=merged_tags(repository.resource_tags, tags)
            )
        return {}

    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UntagResource.html"""
        with self.store.database.write() as transaction:
            repository = self._repository_of_arn(transaction, resource_arn)
            kept = {
                key: value for key, value in repository.resource_tags.items() if key not in tag_keys
            }
            self._change(transaction, repository, resource_tags=kept)
        return {}

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html"""
        with self.store.database.read() as transaction:
            repository = self._repository_of_arn(transaction, resource_arn)
        return {
            "tags": [
                {"Key": key, "Value": value} for key, value in repository.resource_tags.items()
            ]
        }

    def _change(
        self, transaction: Connection, repository: Repository, **columns: Any
    ) -> Repository:
        """Store new values of columns; the repository as it is then.

        A policy may have shut out the caller who has just put it, so access is not checked again.
        """
        transaction.execute(_UPDATE, {"repository": repository.id, **columns})
        return self._repository_by_id(transaction, repository.id)

    def _repository_of_arn(self, transaction: Connection, arn: str) -> Repository:
        match = _ARN.fullmatch(arn)
        if match is None or arn != hosts.repository_arn(
            match["account"], self.region_name, match["name"]
        ):
            raise InvalidParameterException.at("resourceArn", "Invalid ARN")
        return self._repository(transaction, match["name"], match["account"])


def merged_tags(stored: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """Resource tags after `given` were put over `stored`.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html, "Tag restrictions"
    """
    merged = dict(stored)
    for tag in given:
        key, value = tag["Key"], tag["Value"]
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise InvalidTagParameterException
        if not all(map(_may_be_in_tags, key + value)):
            raise InvalidTagParameterException
        merged[key] = value
    if len(merged) > MAX_RESOURCE_TAGS:
        raise TooManyTagsException
    return merged


def _may_be_in_tags(character: str) -> bool:
    """Whether it is a letter, a number or a space of any script, or one of a few signs."""
    return character in "+-=._:/@" or unicodedata.category(character)[0] in "LNZ"
