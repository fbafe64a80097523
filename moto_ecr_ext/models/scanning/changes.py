"""Events about what enhanced scanning covers: new repositories, new images, deleted images.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
"""

from __future__ import annotations

from moto_ecr_ext.models.acts import Deletion
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import announce, scan_frequency_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .rules import configuration_for, scanning_of


def announce_new_repository(
    registry: RegistryBackend, transaction: Transaction, repository: Repository
) -> None:
    """Send the event of a new repository, if it is scanned."""
    frequency = _enhanced_frequency(registry, transaction, repository)
    if frequency != "MANUAL":
        announce_change(transaction, repository, frequency, "MANUAL")


def announce_deleted_images(
    registry: RegistryBackend, transaction: Transaction, deletion: Deletion
) -> None:
    """Send the event of images that were deleted, if their repository is scanned."""
    if deletion.tag is None:
        frequency = _enhanced_frequency(registry, transaction, deletion.repository)
        if frequency != "MANUAL":
            announce_change(transaction, deletion.repository, frequency, frequency)


def announce_change(
    transaction: Transaction, repository: Repository, frequency: str, previous: str
) -> None:
    """Send the event of a change in a repository, with its scan frequency and the previous one."""
    announce(transaction, repository, scan_frequency_event([(repository, frequency, previous)]))


def _enhanced_frequency(registry: RegistryBackend, view: View, repository: Repository) -> str:
    """Return the frequency of enhanced scans, which is MANUAL if there are none."""
    configuration = configuration_for(registry, view, repository)
    if configuration["scanType"] != "ENHANCED":
        return "MANUAL"
    return str(scanning_of(repository, configuration)["scanFrequency"])
