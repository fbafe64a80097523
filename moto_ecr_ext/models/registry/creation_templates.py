"""Repository creation templates: the settings of repositories that ECR makes by itself.

It makes one for a push, for a replication and for a pull through the cache.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.exc import IntegrityError

from moto_ecr_ext import hosts
from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    RepositoryAlreadyExistsException,
    TemplateAlreadyExistsException,
    TemplateNotFoundException,
)
from moto_ecr_ext.models.paging import DEFAULT_PAGE_SIZE, decode_token, encode_token
from moto_ecr_ext.models.repositories.encryption import check_encryption_configuration
from moto_ecr_ext.models.repositories.policies import PoliciesBackend
from moto_ecr_ext.models.repositories.prefixes import prefixes_of, without_slash
from moto_ecr_ext.models.repositories.repositories import merged_tags
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.documents import parse_repository_policy
from moto_ecr_ext.policies.lifecycle import parse_lifecycle_policy
from moto_ecr_ext.policies.tag_filters import check_exclusion_filters
from moto_ecr_ext.storage.rows import tables

templates = tables.creation_templates

_IS_OF_REGISTRY = (templates.c.account_id == bindparam("account")) & (
    templates.c.region == bindparam("in_region")
)
_OF_REGISTRY = select(templates).where(_IS_OF_REGISTRY).order_by(templates.c.prefix)
_IS_TEMPLATE = _IS_OF_REGISTRY & (templates.c.prefix == bindparam("of_prefix"))
_TEMPLATE = select(templates).where(_IS_TEMPLATE)
_UPDATE = templates.update().where(_IS_TEMPLATE)
_DELETE = templates.delete().where(_IS_TEMPLATE)


@dataclass(frozen=True, slots=True)
class CreationTemplate:
    """A template. The attributes are the members of ECR's `RepositoryCreationTemplate`."""

    prefix: str
    applied_for: list[str]
    description: str | None
    encryption_configuration: dict[str, str]
    resource_tags: list[dict[str, str]] | None
    image_tag_mutability: str
    image_tag_mutability_exclusion_filters: list[dict[str, str]] | None
    repository_policy: str | None
    lifecycle_policy: str | None
    custom_role_arn: str | None
    created_at: float
    updated_at: float

    @classmethod
    def from_row(cls, row: Row[Any]) -> CreationTemplate:
        return cls(**row.settings, created_at=row.created_at, updated_at=row.updated_at)

    @property
    def columns(self) -> dict[str, Any]:
        """Its row, beside what says which template it is."""
        settings = asdict(self)
        return {
            "created_at": settings.pop("created_at"),
            "updated_at": settings.pop("updated_at"),
            "settings": settings,
        }

    def check(self) -> None:
        """Raise what the operations raise that put these settings on a repository."""
        check_exclusion_filters(
            self.image_tag_mutability, self.image_tag_mutability_exclusion_filters
        )
        check_encryption_configuration(self.encryption_configuration)
        merged_tags({}, self.resource_tags or [])
        if self.repository_policy:
            parse_repository_policy(self.repository_policy)
        if self.lifecycle_policy:
            parse_lifecycle_policy(self.lifecycle_policy)


class CreationTemplatesBackend(PoliciesBackend):
    """Operations on templates, and the repositories that are made by them.

    `customRoleArn` is stored and shown. On AWS it is the role that tags, and that encrypts with KMS; nothing of that
    needs a role here.
    """

    def create_repository_creation_template(
        self,
        prefix: str,
        applied_for: list[str],
        description: str | None = None,
        encryption_configuration: dict[str, str] | None = None,
        resource_tags: list[dict[str, str]] | None = None,
        image_tag_mutability: str | None = None,
        image_tag_mutability_exclusion_filters: list[dict[str, str]] | None = None,
        repository_policy: str | None = None,
        lifecycle_policy: str | None = None,
        custom_role_arn: str | None = None,
    ) -> dict[str, Any]:
        """There is no limit to how many templates a registry has.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html
        """
        at = round(now(), 3)
        template = CreationTemplate(
            prefix=prefix,
            applied_for=applied_for,
            description=description,
            encryption_configuration=encryption_configuration or {"encryptionType": "AES256"},
            resource_tags=resource_tags,
            image_tag_mutability=image_tag_mutability or "MUTABLE",
            image_tag_mutability_exclusion_filters=image_tag_mutability_exclusion_filters,
            repository_policy=repository_policy,
            lifecycle_policy=lifecycle_policy,
            custom_role_arn=custom_role_arn,
            created_at=at,
            updated_at=at,
        )
        template.check()
        row = {
            "account_id": self.account_id,
            "region": self.region_name,
            "prefix": without_slash(prefix),
            **template.columns,
        }
        with self.store.database.write() as transaction:
            try:
                transaction.execute(templates.insert(), row)
            except IntegrityError:
                raise TemplateAlreadyExistsException from None
        return self._answer(template)

    def update_repository_creation_template(self, prefix: str, **given: Any) -> dict[str, Any]:
        """Replace what is given, and keep all else. The filters go with the mutability that they are for.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html
        """
        if "image_tag_mutability" in given:
            given.setdefault("image_tag_mutability_exclusion_filters", None)
        with self.store.database.write() as transaction:
            template = replace(
                self._template(transaction, prefix), **given, updated_at=round(now(), 3)
            )
            template.check()
            transaction.execute(_UPDATE, {**self._key(prefix), **template.columns})
        return self._answer(template)

    def delete_repository_creation_template(self, prefix: str) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryCreationTemplate.html"""
        with self.store.database.write() as transaction:
            template = self._template(transaction, prefix)
            transaction.execute(_DELETE, self._key(prefix))
        return self._answer(template)

    def describe_repository_creation_templates(
        self,
        prefixes: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Templates in the order of their prefixes; those of `prefixes` that are there, if any are given.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositoryCreationTemplates.html
        """
        count = max_results or DEFAULT_PAGE_SIZE
        [after] = decode_token("templates", next_token, (str,)) or [""]
        with self.store.database.read() as transaction:
            rows = transaction.execute(_OF_REGISTRY, self._registry).all()
        wanted = {without_slash(each) for each in prefixes or ()}
        found = [row for row in rows if row.prefix > after and (not wanted or row.prefix in wanted)]
        page = found[:count]
        more = len(found) > count
        return {
            "registryId": self.account_id,
            "repositoryCreationTemplates": [CreationTemplate.from_row(row) for row in page],
            "nextToken": encode_token("templates", [page[-1].prefix]) if more else None,
        }

    def create_from_template(
        self, transaction: Connection, repository_name: str, applied_for: str
    ) -> Repository:
        """A new repository of this registry, as the longest matching template for `applied_for` says.

        With ECR's defaults where there is none. The transaction is one of `database.write()`.

        Raises RepositoryAlreadyExistsException.
        """
        template = self._template_for(transaction, repository_name, applied_for)
        if template is None:
            return self._create(transaction, repository_name, self.account_id)
        repository = self._create(
            transaction,
            repository_name,
            self.account_id,
            resource_tags=template.resource_tags,
            mutability=template.image_tag_mutability,
            exclusion_filters=template.image_tag_mutability_exclusion_filters,
            encryption=template.encryption_configuration,
        )
        if template.repository_policy:
            repository = self._change(transaction, repository, policy=template.repository_policy)
        if template.lifecycle_policy:
            repository = self._put_lifecycle_policy(
                transaction, repository, template.lifecycle_policy
            )
        return repository

    def create_on_push(self, repository_name: str, registry_id: str) -> bool:
        """Make the repository of a registry that a push found missing, if a template there is for that.

        The caller needs permission for CreateRepository. Whether there is a template is returned, and the repository is
        there then: another push may have been faster.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
        """
        owner = cast(CreationTemplatesBackend, ecr_backends[registry_id][self.region_name])
        with (
            suppress(RepositoryAlreadyExistsException),
            self.store.database.write() as transaction,
        ):
            if not owner.has_template(transaction, repository_name, "CREATE_ON_PUSH"):
                return False
            with acting("ecr:CreateRepository"):
                self.authorize(
                    transaction,
                    hosts.repository_arn(registry_id, self.region_name, repository_name),
                )
                self._check_access(transaction, registry_id, repository_name)
            owner.create_from_template(transaction, repository_name, "CREATE_ON_PUSH")
        return True

    def has_template(self, transaction: Connection, repository_name: str, applied_for: str) -> bool:
        """Whether a template of this registry is for such a repository and for this occasion."""
        return self._template_for(transaction, repository_name, applied_for) is not None

    def _template_for(
        self, transaction: Connection, repository_name: str, applied_for: str
    ) -> CreationTemplate | None:
        """The template with the longest matching prefix among those that are for this occasion."""
        rows = transaction.execute(_OF_REGISTRY, self._registry)
        by_prefix = {row.prefix: row for row in rows if applied_for in row.settings["applied_for"]}
        for prefix in prefixes_of(repository_name):
            if prefix in by_prefix:
                return CreationTemplate.from_row(by_prefix[prefix])
        return None

    def _template(self, transaction: Connection, prefix: str) -> CreationTemplate:
        row = transaction.execute(_TEMPLATE, self._key(prefix)).one_or_none()
        if row is None:
            raise TemplateNotFoundException
        return CreationTemplate.from_row(row)

    @property
    def _registry(self) -> dict[str, str]:
        return {"account": self.account_id, "in_region": self.region_name}

    def _key(self, prefix: str) -> dict[str, str]:
        return {**self._registry, "of_prefix": without_slash(prefix)}

    def _answer(self, template: CreationTemplate) -> dict[str, Any]:
        return {"registryId": self.account_id, "repositoryCreationTemplate": template}
