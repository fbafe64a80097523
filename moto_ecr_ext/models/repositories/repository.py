"""Repositories, as the backend uses them and the API shows them."""

from __future__ import annotations

from dataclasses import dataclass

from moto_ecr_ext import arns, faults, hosts
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.storage.rows.repositories import RepositoryRow


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository. The public attributes are the members of ECR's `Repository`, times in seconds since the epoch."""

    id: int
    registry_id: str
    region: str
    repository_name: str
    created_at: float
    image_tag_mutability: str
    image_tag_mutability_exclusion_filters: list[dict[str, str]] | None
    scan_on_push: bool
    encryption_configuration: dict[str, str]
    resource_tags: dict[str, str]
    policy_text: str | None
    lifecycle_policy_text: str | None
    last_evaluated_at: float | None

    @classmethod
    def of(cls, row: RepositoryRow) -> Repository:
        """Return the repository of a row."""
        return cls(
            id=row.id,
            registry_id=row.account_id,
            region=row.region,
            repository_name=row.name,
            created_at=row.created_at,
            image_tag_mutability=row.tag_mutability,
            image_tag_mutability_exclusion_filters=row.tag_mutability_exclusion_filters,
            scan_on_push=row.scan_on_push,
            encryption_configuration=row.encryption,
            resource_tags=row.resource_tags,
            policy_text=row.policy,
            lifecycle_policy_text=row.lifecycle_policy,
            last_evaluated_at=row.lifecycle_evaluated_at,
        )

    @property
    def repository_arn(self) -> str:
        """The ARN of the repository."""
        return arns.repository_arn(self.registry_id, self.region, self.repository_name)

    @property
    def repository_uri(self) -> str:
        """The address for pushes and pulls."""
        return f"{hosts.registry_host(self.registry_id, self.region)}/{self.repository_name}"

    @property
    def image_scanning_configuration(self) -> dict[str, bool]:
        """The member of this name in ECR's `Repository`."""
        return {"scanOnPush": self.scan_on_push}

    def is_immutable(self, tag: str) -> bool:
        """Return True if `tag` cannot be moved to another image.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
        """
        filters = [each["filter"] for each in self.image_tag_mutability_exclusion_filters or ()]
        is_excluded = bool(filters) and current_rules().images.are_excluded_from_mutability(
            filters, tag
        )
        return self.image_tag_mutability.startswith("IMMUTABLE") != is_excluded

    def hides(self, digest: str) -> bool:
        """Return True if the current call does not find a new image yet, by a fault."""
        where = (self.registry_id, self.region, self.repository_name)
        return faults.strikes_at("eventual", *where, digest=digest)
