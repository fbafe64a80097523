"""A repository as the backend passes it around and as the API shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto_ecr_ext import hosts
from moto_ecr_ext.policies.wildcards import matches_tag_filter


@dataclass(frozen=True, slots=True)
class Repository:
    """One row of `repositories`. The public attributes are the members of ECR's `Repository`."""

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
    lifecycle_due_at: float | None

    @classmethod
    def from_row(cls, row: Any) -> Repository:
        """From a whole row of `repositories`, in the order of the table's columns."""
        return cls(*row)

    @property
    def repository_arn(self) -> str:
        return hosts.repository_arn(self.registry_id, self.region, self.repository_name)

    @property
    def repository_uri(self) -> str:
        return f"{hosts.registry_host(self.registry_id, self.region)}/{self.repository_name}"

    @property
    def image_scanning_configuration(self) -> dict[str, bool]:
        return {"scanOnPush": self.scan_on_push}

    def is_immutable(self, tag: str) -> bool:
        """Whether `tag`, once it names an image, stays on it.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
        """
        excluded = any(
            matches_tag_filter(each["filter"], tag)
            for each in self.image_tag_mutability_exclusion_filters or ()
        )
        return self.image_tag_mutability.startswith("IMMUTABLE") != excluded
