"""The registry as a whole, and its replication configuration."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from moto_ecr_ext.exceptions import InvalidParameterException, ValidationException

from .base import RegistryBackend

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
MAX_RULES = 25
MAX_DESTINATIONS = 25


class ReplicationBackend(RegistryBackend):
    """Operations on the registry's replication configuration."""

    def describe_registry(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html"""
        with self.store.database.read() as transaction:
            return {
                "registryId": self.account_id,
                "replicationConfiguration": self._replication(transaction),
            }

    def put_replication_configuration(
        self, replication_configuration: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace all replication rules. They are stored; nothing is replicated by them.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html
        """
        rules = replication_configuration["rules"]
        destinations = {
            (destination["registryId"], destination["region"])
            for rule in rules
            for destination in rule["destinations"]
        }
        if (self.account_id, self.region_name) in destinations:
            raise InvalidParameterException.at(
                "replicationConfiguration",
                "Replication destination cannot be the same as the source registry",
            )
        if len(rules) > MAX_RULES:
            # The model of an older botocore has a lower limit, which is checked before.
            raise ValidationException(f"A replication configuration has at most {MAX_RULES} rules")
        if len(destinations) > MAX_DESTINATIONS:
            raise ValidationException(
                f"A replication configuration has at most {MAX_DESTINATIONS} unique destinations"
            )
        with self.store.database.write() as transaction:
            self._store_setting(transaction, "replication", {"rules": rules})
        return {"replicationConfiguration": {"rules": rules}}

    def _replication(self, transaction: Connection) -> dict[str, Any]:
        found: dict[str, Any] | None = self._setting(transaction, "replication")
        return found or {"rules": []}
