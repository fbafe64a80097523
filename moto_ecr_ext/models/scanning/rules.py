"""Scan frequencies of repositories, by the rules of the registry or else by the repository's own setting.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.wildcards import matches_scanning_filter
from moto_ecr_ext.storage.database.transaction import View

# The name of the configuration among the registry's settings.
SETTING = "scanning"

# The configuration of a registry that never put one.
UNSET: dict[str, Any] = {"scanType": "BASIC", "rules": []}


def configuration_for(
    registry: RegistryBackend, view: View, repository: Repository
) -> dict[str, Any]:
    """Return the scanning configuration of a repository's registry."""
    found: dict[str, Any] | None = registry.setting(view, SETTING, repository.registry_id)
    return found or UNSET


def scanning_of(repository: Repository, configuration: dict[str, Any]) -> dict[str, Any]:
    """Return the scan frequency of a repository, as ECR's `RepositoryScanningConfiguration`."""
    applied: dict[str, list[dict[str, str]]] = {}
    for rule in configuration["rules"]:
        applied.setdefault(rule["scanFrequency"], []).extend(
            each
            for each in rule["repositoryFilters"]
            if matches_scanning_filter(each["filter"], repository.repository_name)
        )
    # A repository that matches rules of both kinds is scanned continuously.
    for frequency in ("CONTINUOUS_SCAN", "SCAN_ON_PUSH"):
        if applied.get(frequency):
            filters = applied[frequency]
            break
    else:
        frequency, filters = "MANUAL", []
        # The repository's own setting counts while the registry has no rules.
        has_no_rules = configuration["scanType"] == "BASIC" and not configuration["rules"]
        if repository.scan_on_push and has_no_rules:
            frequency = "SCAN_ON_PUSH"
    return {
        "repositoryArn": repository.repository_arn,
        "repositoryName": repository.repository_name,
        "scanOnPush": frequency == "SCAN_ON_PUSH",
        "scanFrequency": frequency,
        "appliedScanFilters": filters,
    }
