"""Replication of pushes, restorations and deletions to other registries, and its status.

Replicated images are not replicated further, whatever the rules of the destination say.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from moto_ecr_ext import faults
from moto_ecr_ext.arns import Registry, partition_of
from moto_ecr_ext.caller import Caller, acting, calling, current_caller
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageTagAlreadyExistsException,
    RepositoryNotFoundException,
    ValidationException,
)
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.registry_protocol import ImageReferencedByManifestList
from moto_ecr_ext.models.acts import Deletion, Push
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.events import announce_in_registry, replication_event
from moto_ecr_ext.models.images.copies import copy_image
from moto_ecr_ext.models.images.deletion import remove_image, remove_tag
from moto_ecr_ext.models.images.identifiers import NO_TAG, ImageId, Selection, image_id_of
from moto_ecr_ext.models.registry.creation_templates import create_from_template
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import ImageKey, StoredImage
from moto_ecr_ext.storage.rows.replications import ReplicationUnderWay

from .rules import REPLICATE, destinations_of, rules_for


class ReplicationBackend(RegistryBackend):
    """DescribeImageReplicationStatus."""

    def describe_image_replication_status(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Return the status for each destination of the current rules to which the image has been sent.

        The failure code of a destination that denies access is AWS's. Any other is the code of the destination's error.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageReplicationStatus.html
        """
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            image = Selection(view, repository, [image_id]).get(image_id)
            destinations = destinations_of(rules_for(self, view, repository))
        replications = REPLICATIONS.described(
            self,
            lambda view: rows.replications.of_image(view, image.id),
            lambda replications: any(row.status == "IN_PROGRESS" for row in replications),
            lambda transaction, _: rows.replications.count_description(transaction, image.id),
        )
        sent = {Registry(row.account_id, row.region): row for row in replications}
        return {
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "replicationStatuses": [
                {
                    "region": each.region,
                    "registryId": each.account_id,
                    "status": sent[each].status,
                    "failureCode": sent[each].failure_code,
                }
                for each in destinations
                if each in sent
            ],
        }


def replicate(registry: RegistryBackend, transaction: Transaction, push: Push) -> None:
    """Send an image, or its new tag, to the destinations of the rules."""
    destinations = destinations_of(rules_for(registry, transaction, push.repository))
    if destinations:
        # A restored image may have several tags.
        tags = (
            rows.tags.of_image(transaction, push.repository.id, push.image)
            if push.new_tag is None
            else [push.new_tag]
        )
        _send(registry, transaction, push.repository, push.image, tags, destinations)


def replicate_deletion(
    registry: RegistryBackend, transaction: Transaction, deletion: Deletion
) -> None:
    """Repeat a deletion in other registries, if a rule replicates deletions.

    A tag is deleted if it names the same image there; an image is deleted unless an index there lists it.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-delete.html
    """
    image_ids = [image_id_of(digest, deletion.tag) for digest in deletion.digests]
    for destination, copied in _copies_of(registry, transaction, deletion.repository):
        selection = Selection(transaction, copied, image_ids)
        for found in map(selection.match, image_ids):
            if isinstance(found, str):
                continue
            with _as_replication(deletion.repository):
                if deletion.tag is not None:
                    remove_tag(destination, transaction, copied, found, deletion.tag)
                else:
                    with suppress(ImageReferencedByManifestList):
                        remove_image(destination, transaction, copied, found)


def _send(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    tags: Sequence[str],
    destinations: Iterable[Registry],
) -> None:
    """Send an image to registries. It takes no time unless moto's state manager delays it."""
    for destination in destinations:
        sent = store_replication(transaction, repository.id, image, tags, destination)
        REPLICATIONS.begin(registry, transaction, sent)


def store_replication(
    transaction: Transaction,
    repository_id: int,
    image: StoredImage,
    tags: Sequence[str],
    destination: Registry,
) -> ReplicationUnderWay:
    """Store that an image of a repository is being replicated with these tags."""
    at = now()
    key = (image.id, destination.account_id, destination.region)
    last = rows.replications.to_destination(transaction, *key)
    columns: dict[str, Any] = {
        "status": "IN_PROGRESS",
        "failure_code": None,
        "tags": list(dict.fromkeys([*(last.tags if last else ()), *tags])),
        "started_at": at,
        "times_seen": 0,
    }
    store = rows.replications.update if last else rows.replications.insert
    store(transaction, *key, **columns)
    return ReplicationUnderWay(
        image.id,
        image.digest,
        repository_id,
        destination.account_id,
        destination.region,
        started_at=at,
        times_seen=0,
    )


def _end_replication(
    registry: RegistryBackend, transaction: Transaction, replication: ReplicationUnderWay
) -> None:
    repository = repository_by_id(transaction, replication.repository_id)
    image = ImageKey(replication.image_id, replication.digest)
    destination = Registry(replication.account_id, replication.region)
    _arrive(registry, transaction, repository, image, destination)


REPLICATIONS = BackgroundWork(
    "ecr::replication",
    under_way=rows.replications.under_way,
    again=rows.replications.still_under_way,
    end=_end_replication,
)


def _arrive(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    destination: Registry,
) -> None:
    """Copy an image to its destination, with those of its replicated tags that it still has."""
    key = (image.id, destination.account_id, destination.region)
    sent = rows.replications.to_destination(transaction, *key)
    has = rows.tags.of_image(transaction, repository.id, image)
    tags = [tag for tag in sent.tags if tag in has] if sent else []
    failure: str | None = None
    for tag in tags or NO_TAG:
        result, arrived = "SUCCESS", tag
        try:
            arrived = _copy_to(registry, transaction, repository, image, tag, destination)
        except ECRError as error:
            result, failure = "FAILED", _failure_code(error)
        event = replication_event(
            result,
            repository.repository_name,
            image.digest,
            arrived,
            Registry(repository.registry_id, repository.region),
            destination,
        )
        announce_in_registry(transaction, destination.account_id, destination.region, event)
    status = "FAILED" if failure else "COMPLETE"
    rows.replications.update(transaction, *key, status=status, failure_code=failure, tags=[])


def _failure_code(error: ECRError) -> str:
    """Return the failure code of an error of the destination. Only that of a denial is known."""
    # https://github.com/aws/containers-roadmap/issues/2675
    if isinstance(error, AccessDeniedException):
        return "DESTINATION_REGISTRY_ACCESS_DENIED"
    return error.code


def _copy_to(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: StoredImage,
    tag: str | None,
    destination: Registry,
) -> str | None:
    """Return the tag with which the image has arrived, or None. Raises the error of a destination that refuses it."""
    with _as_replication(repository):
        if faults.active:
            _check_faults(repository, tag)
        target_registry = _enter(registry, transaction, repository, destination)
        target = _target(target_registry, transaction, repository)
        try:
            copy_image(target_registry, transaction, image, target, tag)
        except ImageTagAlreadyExistsException:
            # The image arrives without a tag that is immutable there (User Guide, "Considerations").
            copy_image(target_registry, transaction, image, target, None)
            return None
    return tag


def _check_faults(repository: Repository, tag: str | None) -> None:
    """Raise the error of a destination that denies access, if a fault strikes."""
    where = (repository.registry_id, repository.region, repository.repository_name)
    if faults.strikes_at("replication_fails", *where, tags=(tag,) if tag else ()):
        caller = current_caller()
        principal = caller.principal if caller else ""
        raise AccessDeniedException(
            principal, REPLICATE, repository.repository_arn, "resource-based"
        )


def _copies_of(
    registry: RegistryBackend, view: View, repository: Repository
) -> Iterator[tuple[RegistryBackend, Repository]]:
    """Yield the registries, and their repositories, to which deletions from a repository are replicated."""
    rules = [
        rule
        for rule in rules_for(registry, view, repository)
        if rule.get("deleteReplication", {}).get("enabled")
    ]
    for destination in destinations_of(rules):
        try:
            with _as_replication(repository):
                found = _enter(registry, view, repository, destination)
                copied = found.repository(view, repository.repository_name)
        except ECRError:
            continue
        yield found, copied


@contextmanager
def _as_replication(repository: Repository) -> Iterator[None]:
    """Act as ECR on behalf of the repository's registry.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-rp.html
    """
    role = "aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"
    partition = partition_of(repository.region)
    with calling(Caller(REPLICATE, f"arn:{partition}:iam::{repository.registry_id}:role/{role}")):
        yield


def _enter(
    registry: RegistryBackend, view: View, repository: Repository, destination: Registry
) -> RegistryBackend:
    """Return the destination of a repository's replications.

    Raises ValidationException if it cannot be reached, and AccessDeniedException if its registry's policy denies the
    current caller.
    """
    if partition_of(destination.region) != partition_of(repository.region):
        raise ValidationException("Images are not replicated to another partition")
    try:
        found = registry.registry(destination.account_id, destination.region)
    except KeyError:
        raise ValidationException(f"There is no Region '{destination.region}'") from None
    visitor = registry.registry(repository.registry_id, destination.region)
    visitor.check_access(view, destination.account_id, repository.repository_name)
    return found


def _target(
    target_registry: RegistryBackend, transaction: Transaction, repository: Repository
) -> Repository:
    """Return the repository of the same name in the registry of a destination. If it is missing, create it.

    Raises AccessDeniedException if the registry's policy does not allow its creation.
    """
    try:
        return target_registry.repository(transaction, repository.repository_name)
    except RepositoryNotFoundException:
        destination = Registry(target_registry.account_id, target_registry.region_name)
        with acting("ecr:CreateRepository"):
            _enter(target_registry, transaction, repository, destination)
        return create_from_template(
            target_registry, transaction, repository.repository_name, "REPLICATION"
        )
