"""Resource tags of repositories.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-using-tags.html
"""

from __future__ import annotations

import unicodedata
from typing import Any

from moto_ecr_ext import arns
from moto_ecr_ext.exceptions import (
    InvalidParameterException,
    InvalidTagParameterException,
    TooManyTagsException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View

from .repository import Repository

MAX_RESOURCE_TAGS = 50


class ResourceTagsBackend(RegistryBackend):
    """Operations on resource tags."""

    def tag_resource(self, resource_arn: str, tags: list[dict[str, str]]) -> dict[str, Any]:
        """Add tags to a repository, or change their values.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_TagResource.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository_of_arn(transaction, resource_arn)
            merged = merged_tags(repository.resource_tags, tags)
            rows.repositories.update(transaction, repository.id, resource_tags=merged)
        return {}

    def untag_resource(self, resource_arn: str, tag_keys: list[str]) -> dict[str, Any]:
        """Remove tags from a repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UntagResource.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository_of_arn(transaction, resource_arn)
            kept = {
                key: value for key, value in repository.resource_tags.items() if key not in tag_keys
            }
            rows.repositories.update(transaction, repository.id, resource_tags=kept)
        return {}

    def list_tags_for_resource(self, resource_arn: str) -> dict[str, Any]:
        """Return the tags of a repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListTagsForResource.html
        """
        with self.store.database.read() as view:
            repository = self._repository_of_arn(view, resource_arn)
        return {
            "tags": [
                {"Key": key, "Value": value} for key, value in repository.resource_tags.items()
            ]
        }

    def _repository_of_arn(self, view: View, arn: str) -> Repository:
        named = arns.repository_of_arn(arn)
        if named is None or named.region != self.region_name or named.name == "*":
            raise InvalidParameterException.at("resourceArn", "Invalid ARN")
        return self.repository(view, named.name, named.account_id)


def merged_tags(stored: dict[str, str], given: list[dict[str, str]]) -> dict[str, str]:
    """Return the resource tags that result from adding `given` to `stored`.

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
    """Return True if a character is a letter, a number or a space of any script, or a sign that tags may have."""
    return character in "+-=._:/@" or unicodedata.category(character)[0] in "LNZ"
