"""Repository creation templates: the settings of repositories that ECR creates by itself.

ECR creates repositories for a push, a replication and a pull-through cache.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from moto_ecr_ext import arns, settings
from moto_ecr_ext.caller import acting
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import (
    RepositoryAlreadyExistsException,
    TemplateAlreadyExistsException,
    TemplateNeedsRole,
    TemplateNotFoundException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.lifecycle.policies import set_lifecycle_policy
from moto_ecr_ext.models.paging import cut_page, decode_token
from moto_ecr_ext.models.repositories.encryption import check_encryption_configuration
from moto_ecr_ext.models.repositories.policy_texts import accept_repository_policy, stored_text
from moto_ecr_ext.models.repositories.prefixes import prefixes_of, without_slash
from moto_ecr_ext.models.repositories.repositories import change_repository, create_repository
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.repositories.resource_tags import merged_tags
from moto_ecr_ext.policies.lifecycle import parse_lifecycle_policy
from moto_ecr_ext.process import this_process
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused, Transaction, View
from moto_ecr_ext.storage.rows.creation_templates import TemplateRow


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
    def of(cls, row: TemplateRow) -> CreationTemplate:
        """Return the template of a row."""
        return cls(**row.settings, created_at=row.created_at, updated_at=row.updated_at)

    @property
    def lacks_role(self) -> bool:
        """True if the template creates no repository, since ECR's own role may not set tags or use keys."""
        is_special = (
            self.resource_tags or self.encryption_configuration["encryptionType"] != "AES256"
        )
        return bool(is_special) and not self.custom_role_arn

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of its row, without its key."""
        settings = asdict(self)
        return {
            "created_at": settings.pop("created_at"),
            "updated_at": settings.pop("updated_at"),
            "settings": settings,
        }

    def check(self, region: str) -> None:
        """Raise the errors that operations raise for these settings of a repository in this Region."""
        current_rules().images.check_exclusion_filters(
            self.image_tag_mutability, self.image_tag_mutability_exclusion_filters
        )
        check_encryption_configuration(self.encryption_configuration)
        merged_tags({}, self.resource_tags or [])
        if self.repository_policy:
            accept_repository_policy(self.repository_policy, region)
        if self.lifecycle_policy:
            parse_lifecycle_policy(self.lifecycle_policy)


class CreationTemplatesBackend(RegistryBackend):
    """Operations on templates, and the creation of repositories from them.

    A template with tags or KMS encryption creates repositories only if it has a `customRoleArn`. The role itself is not
    looked up.
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
        """Create a template. A registry may have any number of them.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepositoryCreationTemplate.html
        """
        at = timestamp()
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
        template.check(self.region_name)
        with self.store.database.write() as transaction:
            try:
                rows.creation_templates.insert(transaction, *self._key(prefix), **template.columns)
            except RowRefused:
                raise TemplateAlreadyExistsException from None
        return self._answer(template)

    def update_repository_creation_template(
        self,
        prefix: str,
        applied_for: list[str] | None = None,
        description: str | None = None,
        encryption_configuration: dict[str, str] | None = None,
        resource_tags: list[dict[str, str]] | None = None,
        image_tag_mutability: str | None = None,
        image_tag_mutability_exclusion_filters: list[dict[str, str]] | None = None,
        repository_policy: str | None = None,
        lifecycle_policy: str | None = None,
        custom_role_arn: str | None = None,
    ) -> dict[str, Any]:
        """Replace the given settings and keep all others. The exclusion filters are replaced with the mutability.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateRepositoryCreationTemplate.html
        """
        wanted: dict[str, Any] = {
            "applied_for": applied_for,
            "description": description,
            "encryption_configuration": encryption_configuration,
            "resource_tags": resource_tags,
            "image_tag_mutability": image_tag_mutability,
            "image_tag_mutability_exclusion_filters": image_tag_mutability_exclusion_filters,
            "repository_policy": repository_policy,
            "lifecycle_policy": lifecycle_policy,
            "custom_role_arn": custom_role_arn,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        if image_tag_mutability is not None:
            given.setdefault("image_tag_mutability_exclusion_filters", None)
        with self.store.database.write() as transaction:
            template = replace(self._template(transaction, prefix), **given, updated_at=timestamp())
            template.check(self.region_name)
            rows.creation_templates.update(transaction, *self._key(prefix), **template.columns)
        return self._answer(template)

    def delete_repository_creation_template(self, prefix: str) -> dict[str, Any]:
        """Delete a template. Repositories that were created from it stay.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeleteRepositoryCreationTemplate.html
        """
        with self.store.database.write() as transaction:
            template = self._template(transaction, prefix)
            rows.creation_templates.delete(transaction, *self._key(prefix))
        return self._answer(template)

    def describe_repository_creation_templates(
        self,
        prefixes: list[str] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
    ) -> dict[str, Any]:
        """Return templates in the order of their prefixes. If `prefixes` are given, return those that exist among them.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRepositoryCreationTemplates.html
        """
        listing = "templates"
        [after] = decode_token(listing, next_token, (str,)) or [""]
        with self.store.database.read() as view:
            templates = rows.creation_templates.of_registry(view, self.account_id, self.region_name)
        wanted = {without_slash(each) for each in prefixes or ()}
        found = [
            row for row in templates if row.prefix > after and (not wanted or row.prefix in wanted)
        ]
        page, token = cut_page(listing, found, max_results, lambda row: [row.prefix])
        return {
            "registryId": self.account_id,
            "repositoryCreationTemplates": [CreationTemplate.of(row) for row in page],
            "nextToken": token,
        }

    def create_on_push(self, repository_name: str, registry_id: str) -> bool:
        """Create a missing repository for a push, if a template applies to pushes of this name.

        If the setting `create_on_push` is `always`, no template is needed. The caller needs permission for
        CreateRepository. Return True if the repository may be created. It exists then; another push may have created
        it.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates.html
        """
        this_process().need_moto()  # A template may name a key.
        owner = self.registry(registry_id, self.region_name)
        with (
            suppress(RepositoryAlreadyExistsException),
            self.store.database.write() as transaction,
        ):
            template = template_for(owner, transaction, repository_name, "CREATE_ON_PUSH")
            if template is None and settings.CREATE_ON_PUSH.get() != "always":
                return False
            with acting("ecr:CreateRepository"):
                self.authorize(
                    transaction,
                    arns.repository_arn(registry_id, self.region_name, repository_name),
                )
                self.check_access(transaction, registry_id, repository_name)
            create_from_template(owner, transaction, repository_name, "CREATE_ON_PUSH")
        return True

    def _template(self, view: View, prefix: str) -> CreationTemplate:
        row = rows.creation_templates.by_prefix(view, *self._key(prefix))
        if row is None:
            raise TemplateNotFoundException
        return CreationTemplate.of(row)

    def _key(self, prefix: str) -> tuple[str, str, str]:
        return self.account_id, self.region_name, without_slash(prefix)

    def _answer(self, template: CreationTemplate) -> dict[str, Any]:
        return {"registryId": self.account_id, "repositoryCreationTemplate": template}


def create_from_template(
    registry: RegistryBackend, transaction: Transaction, repository_name: str, applied_for: str
) -> Repository:
    """Create a repository of the registry with the settings of the longest matching template for `applied_for`.

    It gets ECR's defaults if no template matches. Raises RepositoryAlreadyExistsException, and the error of
    `template_for`.
    """
    template = template_for(registry, transaction, repository_name, applied_for)
    if template is None:
        return create_repository(registry, transaction, repository_name, registry.account_id)
    repository = create_repository(
        registry,
        transaction,
        repository_name,
        registry.account_id,
        resource_tags=template.resource_tags,
        mutability=template.image_tag_mutability,
        exclusion_filters=template.image_tag_mutability_exclusion_filters,
        encryption=template.encryption_configuration,
    )
    if template.repository_policy:
        # A template shows its policy as given; a repository has every policy in ECR's form.
        policy = stored_text(template.repository_policy, registry.region_name)
        repository = change_repository(transaction, repository, policy=policy)
    if template.lifecycle_policy:
        repository = set_lifecycle_policy(
            registry, transaction, repository, template.lifecycle_policy
        )
    return repository


def template_for(
    registry: RegistryBackend, view: View, repository_name: str, applied_for: str
) -> CreationTemplate | None:
    """Return the template with the longest matching prefix among those for `applied_for`.

    Raises TemplateNeedsRole (User Guide, "Creating a repository creation template", and
    https://github.com/aws/containers-roadmap/issues/2398).
    """
    templates = rows.creation_templates.of_registry(view, registry.account_id, registry.region_name)
    by_prefix = {row.prefix: row for row in templates if applied_for in row.settings["applied_for"]}
    for prefix in prefixes_of(repository_name):
        if prefix in by_prefix:
            template = CreationTemplate.of(by_prefix[prefix])
            if template.lacks_role:
                raise TemplateNeedsRole(repository_name, registry.account_id, template.prefix)
            return template
    return None
