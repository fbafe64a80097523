"""The scanning configuration of a registry, and of a repository."""

from __future__ import annotations

from typing import Any

from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import (
    InvalidParameterException,
    RepositoryNotFoundException,
    ValidationException,
)
from moto_ecr_ext.models.background import expect_after_commit
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import announce_in_registry, scan_frequency_event
from moto_ecr_ext.models.repositories.repositories import change_repository
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction

from .rules import SETTING, UNSET, configuration_for, scanning_of
from .scan import scan_old_image

# The frequencies of each scan type:
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-basic.html and image-scanning-enhanced.html
_FREQUENCIES = {
    "BASIC": ("SCAN_ON_PUSH", "MANUAL"),
    "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN"),
}


class ScanningConfigurationBackend(RegistryBackend):
    """Operations on scanning configurations."""

    def put_registry_scanning_configuration(
        self, scan_type: str | None = None, rules: list[dict[str, Any]] | None = None
    ) -> dict[str, Any]:
        """Replace the whole configuration. The defaults are scan type BASIC and no rules.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutRegistryScanningConfiguration.html
        """
        scan_type = scan_type or "BASIC"
        allowed = _FREQUENCIES[scan_type]
        for rule in rules or ():
            frequency = rule["scanFrequency"]
            if frequency not in allowed and not self.rules.scans.accept_frequency(
                frequency, scan_type
            ):
                raise InvalidParameterException(
                    f"Invalid scan frequency for scanType {scan_type}: {frequency}"
                )
        frequencies = [rule["scanFrequency"] for rule in rules or ()]
        twice = next((each for each in frequencies if frequencies.count(each) > 1), None)
        if twice and not self.rules.scans.accept_repeated_frequency(twice):
            # https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html. AWS's text is not
            # known.
            raise InvalidParameterException(
                "Scanning rules must have different scan frequencies. Give one rule several repositoryFilters."
            )
        configuration = {"scanType": scan_type, "rules": rules or []}
        with self.store.database.write() as transaction:
            previous = self.setting(transaction, SETTING) or UNSET
            self.store_setting(transaction, SETTING, configuration)
            if scan_type == "ENHANCED":
                _begin_enhanced_scanning(self, transaction, previous, configuration)
                # Images that were scanned before may be scanned continuously from now on.
                expect_after_commit(self, transaction)
        return {"registryScanningConfiguration": configuration}

    def get_registry_scanning_configuration(self) -> dict[str, Any]:
        """Return the scan type of the registry and its rules.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetRegistryScanningConfiguration.html
        """
        with self.store.database.read() as view:
            return {
                "registryId": self.account_id,
                "scanningConfiguration": self.setting(view, SETTING) or UNSET,
            }

    def batch_get_repository_scanning_configuration(
        self, repository_names: list[str]
    ) -> dict[str, Any]:
        """Return the scanning configuration that applies to each repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetRepositoryScanningConfiguration.html
        """
        configurations, failures = [], []
        with self.store.database.read() as view:
            scanning = self.setting(view, SETTING) or UNSET
            for name in repository_names:
                try:
                    repository = self.repository(view, name)
                except RepositoryNotFoundException:
                    failures.append(
                        {
                            "repositoryName": name,
                            "failureCode": "REPOSITORY_NOT_FOUND",
                            "failureReason": "REPOSITORY_NOT_FOUND",
                        }
                    )
                else:
                    configurations.append(_shown(scanning_of(repository, scanning)))
        return {"scanningConfigurations": configurations, "failures": failures}

    def put_image_scanning_configuration(
        self,
        repository_name: str,
        image_scanning_configuration: dict[str, bool],
        registry_id: str | None = None,
    ) -> Repository:
        """Set scanning on push for a repository.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImageScanningConfiguration.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            is_enhanced = configuration_for(self, transaction, repository)["scanType"] == "ENHANCED"
            if is_enhanced and not self.rules.scans.accept_any_image(
                "a registry with enhanced scanning"
            ):
                raise ValidationException("This feature is disabled")
            return change_repository(
                transaction,
                repository,
                scan_on_push=bool(image_scanning_configuration.get("scanOnPush")),
            )


def _shown(scanning: dict[str, Any]) -> dict[str, Any]:
    """Return the scan frequency of a repository in the form of the API."""
    if scanning["scanOnPush"] and not current_rules().scans.show_scan_on_push(
        scanning["repositoryName"]
    ):
        return {**scanning, "scanOnPush": False}
    return scanning


def _begin_enhanced_scanning(
    registry: RegistryBackend,
    transaction: Transaction,
    previous: dict[str, Any],
    configuration: dict[str, Any],
) -> None:
    """Scan the existing images, unless they are too old."""
    found = rows.repositories.of_registry(transaction, registry.account_id, registry.region_name)
    repositories = [
        (
            repository,
            scanning_of(repository, configuration)["scanFrequency"],
            scanning_of(repository, previous)["scanFrequency"],
        )
        for repository in map(Repository.of, found)
    ]
    changed = [each for each in repositories if each[1] != each[2]]
    if changed:
        event = scan_frequency_event(changed)
        announce_in_registry(transaction, registry.account_id, registry.region_name, event)
    for repository, frequency, _ in repositories:
        if frequency != "MANUAL":
            for image in rows.scans.not_scanned(transaction, repository.id, "ENHANCED"):
                scan_old_image(registry, transaction, repository, image)
