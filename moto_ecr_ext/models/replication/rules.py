"""The replication rules of a registry: repository filters with destinations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from moto_ecr_ext.arns import Registry, partition_of
from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.exceptions import InvalidParameterException, ValidationException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage.database.transaction import View

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
MAX_RULES = 25
MAX_DESTINATIONS = 25

# The action of replication in its destination.
REPLICATE = "ecr:ReplicateImage"

# The name of the configuration among the registry's settings.
_SETTING = "replication"


class ReplicationConfigurationBackend(RegistryBackend):
    """DescribeRegistry and PutReplicationConfiguration."""

    def describe_registry(self) -> dict[str, Any]:
        """Return the registry and its replication rules.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html
        """
        with self.store.database.read() as view:
            return {
                "registryId": self.account_id,
                "replicationConfiguration": {"rules": rules_of(self, view, self.account_id)},
            }

    def put_replication_configuration(
        self, replication_configuration: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace all replication rules. They apply to images that are pushed from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html
        """
        rules = replication_configuration["rules"]
        if len(rules) > 1 and self.rules.registries.refuse_several_replication_rules(len(rules)):
            raise ValidationException("This feature is disabled")
        destinations = destinations_of(rules)
        if Registry(self.account_id, self.region_name) in destinations:
            raise InvalidParameterException.at(
                "replicationConfiguration",
                "Replication destination cannot be the same as the source registry",
            )
        partition = partition_of(self.region_name)
        if any(partition_of(each.region) != partition for each in destinations):
            # https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html. AWS's text is not known.
            raise InvalidParameterException.at(
                "replicationConfiguration",
                "Replication destination must be in the partition of the source registry",
            )
        if len(rules) > MAX_RULES:
            # An older botocore's model has a lower limit, which is checked before.
            raise ValidationException(f"A replication configuration has at most {MAX_RULES} rules")
        if len(destinations) > MAX_DESTINATIONS:
            raise ValidationException(
                f"A replication configuration has at most {MAX_DESTINATIONS} unique destinations"
            )
        with self.store.database.write() as transaction:
            self.store_setting(transaction, _SETTING, {"rules": rules})
        return {"replicationConfiguration": {"rules": rules}}


def rules_of(registry: RegistryBackend, view: View, account_id: str) -> list[dict[str, Any]]:
    """Return all replication rules of a registry of this Region."""
    found: dict[str, Any] | None = registry.setting(view, _SETTING, account_id)
    return found["rules"] if found else []


def rules_for(
    registry: RegistryBackend, view: View, repository: Repository
) -> list[dict[str, Any]]:
    """Return the rules for changes of a repository's images; none if replication makes the change."""
    if comes_by_replication():
        return []
    rules = rules_of(registry, view, repository.registry_id)
    return [rule for rule in rules if matches(rule, repository.repository_name)]


def comes_by_replication() -> bool:
    """Return True if the current call is a replication from another registry."""
    caller = current_caller()
    return caller is not None and caller.action == REPLICATE


def destinations_of(rules: Iterable[dict[str, Any]]) -> list[Registry]:
    """Return the destinations of rules, each once."""
    return list(
        dict.fromkeys(
            Registry(each["registryId"], each["region"])
            for rule in rules
            for each in rule["destinations"]
        )
    )


def matches(rule: dict[str, Any], repository_name: str) -> bool:
    """Return True if a rule covers a repository. A rule without filters covers all."""
    filters = rule.get("repositoryFilters")
    return not filters or any(repository_name.startswith(each["filter"]) for each in filters)
