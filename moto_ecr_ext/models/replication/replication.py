"""The registry as a whole, and replication: which images go where, and how far each has come.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, cast

from moto.ecr.models import ecr_backends
from moto.utilities.utils import get_partition
from sqlalchemy import Connection, bindparam, select

from moto_ecr_ext.caller import (
    Caller,
    acting,
    calling,
    current_caller,
)
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageReferencedByManifestList,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    RepositoryNotFoundException,
    ValidationException,
)
from moto_ecr_ext.hosts import Registry
from moto_ecr_ext.models.events import replication_event
from moto_ecr_ext.models.images.copies import copy_image
from moto_ecr_ext.models.images.identifiers import (
    ImageId,
    Selection,
    image_id_of,
    tags_of,
)
from moto_ecr_ext.models.images.images import ImagesBackend, StoredImage
from moto_ecr_ext.models.registry.creation_templates import CreationTemplatesBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.services.eventbridge import send_event
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

MAX_RULES = 25
MAX_DESTINATIONS = 25

# The name under which moto's state manager knows replications.
REPLICATION = "ecr::replication"

_REPLICATE = "ecr:ReplicateImage"

images, replications = tables.images, tables.replications

_IS_REPLICATION = (
    (replications.c.image_id == bindparam("image"))
    & (replications.c.account_id == bindparam("account"))
    & (replications.c.region == bindparam("to_region"))
)
_REPLICATION = select(replications).where(_IS_REPLICATION)
_UPDATE = replications.update().where(_IS_REPLICATION)
_REPLICATIONS_OF_IMAGE = select(replications).where(replications.c.image_id == bindparam("image"))
_IS_UNDER_WAY = replications.c.status == "IN_PROGRESS"
_SEE_AGAIN = (
    replications.update()
    .where(replications.c.image_id == bindparam("image"), _IS_UNDER_WAY)
    .values(times_seen=replications.c.times_seen + 1)
)
_UNDER_WAY = (
    select(replications, images.c.digest, images.c.repository_id)
    .join(images, images.c.id == replications.c.image_id)
    .where(_IS_UNDER_WAY)
    .order_by(replications.c.id)
)
_STILL_UNDER_WAY = _UNDER_WAY.where(replications.c.id == bindparam("replication"))


class ReplicationBackend(ImagesBackend):
    """Operations on replication, and what a push, a restoration or a deletion does to other registries.

    What arrives by replication goes no further, whatever the rules of the registry where it arrives.
    """

    def describe_registry(self) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeRegistry.html"""
        with self.store.database.read() as transaction:
            return {
                "registryId": self.account_id,
                "replicationConfiguration": {
                    "rules": self._replication_rules(transaction, self.account_id),
                },
            }

    def put_replication_configuration(
        self, replication_configuration: dict[str, Any]
    ) -> dict[str, Any]:
        """Replace all replication rules. They are for what is pushed from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutReplicationConfiguration.html
        """
        rules = replication_configuration["rules"]
        destinations = destinations_of(rules)
        if Registry(self.account_id, self.region_name) in destinations:
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

    def describe_image_replication_status(
        self, repository_name: str, image_id: ImageId, registry_id: str | None = None
    ) -> dict[str, Any]:
        """One entry for each destination of the current rules to which the image has been sent.

        The failure code is that of the error with which the destination refuses the image.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImageReplicationStatus.html
        """
        if self.store.schedule.is_due(AT_ONCE):
            with self.store.database.write() as transaction:
                repository = self._repository(transaction, repository_name, registry_id)
                image = Selection(transaction, repository, [image_id]).get(image_id)
                transaction.execute(_SEE_AGAIN, {"image": image.id})
            self.end_replications()
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            image = Selection(transaction, repository, [image_id]).get(image_id)
            rows = {
                Registry(row.account_id, row.region): row
                for row in transaction.execute(_REPLICATIONS_OF_IMAGE, {"image": image.id})
            }
            destinations = destinations_of(self._replication_rules_for(transaction, repository))
        return {
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "replicationStatuses": [
                {
                    "region": each.region,
                    "registryId": each.account_id,
                    "status": rows[each].status,
                    "failureCode": rows[each].failure_code,
                }
                for each in destinations
                if each in rows
            ],
        }

    def image_was_pushed(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        manifest: Manifest,
    ) -> None:
        super().image_was_pushed(transaction, repository, image, manifest)
        destinations = destinations_of(self._replication_rules_for(transaction, repository))
        if destinations:
            # One that is restored may have several.
            names = tags_of(transaction, repository, [image]).get(image.id, [])
            self._replicate(transaction, repository, image, names, destinations)

    def image_was_tagged(
        self, transaction: Connection, repository: Repository, image: StoredImage, tag: str
    ) -> None:
        super().image_was_tagged(transaction, repository, image, tag)
        destinations = destinations_of(self._replication_rules_for(transaction, repository))
        self._replicate(transaction, repository, image, [tag], destinations)

    def remove_tag(
        self, transaction: Connection, repository: Repository, image: Any, tag: str
    ) -> None:
        """Where a rule replicates deletions, the tag goes there too, if it is on the same image.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-delete.html
        """
        super().remove_tag(transaction, repository, image, tag)
        for registry, copied in self._copies_of(transaction, repository):
            image_id = {"imageDigest": image.digest, "imageTag": tag}
            found = Selection(transaction, copied, [image_id]).match(image_id)
            if not isinstance(found, str):
                with _as_replication(repository):
                    registry.remove_tag(transaction, copied, found, tag)

    def remove_image(self, transaction: Connection, repository: Repository, image: Any) -> None:
        """Where a rule replicates deletions, the image goes there too, unless an index there lists it."""
        super().remove_image(transaction, repository, image)
        for registry, copied in self._copies_of(transaction, repository):
            image_id = {"imageDigest": image.digest}
            found = Selection(transaction, copied, [image_id]).match(image_id)
            if not isinstance(found, str):
                with _as_replication(repository), suppress(ImageReferencedByManifestList):
                    registry.remove_image(transaction, copied, found)

    def _do_what_is_due(self) -> float:
        """Replications are due when moto's state manager says so."""
        then = super()._do_what_is_due()
        return AT_ONCE if self.end_replications() else then

    def end_replications(self) -> bool:
        """Bring those images to their destinations, of all registries, that have been on their way long enough.

        Gives whether others still are.
        """
        with self.store.database.read() as transaction:
            under_way = transaction.execute(_UNDER_WAY).all()
        ended = [
            each for each in under_way if has_ended(REPLICATION, each.started_at, each.times_seen)
        ]
        for each in ended:
            with self.store.database.write() as transaction:
                # Another process may have been faster, or the image may be gone.
                row = transaction.execute(_STILL_UNDER_WAY, {"replication": each.id}).one_or_none()
                if row is not None:
                    repository = self._repository_by_id(transaction, row.repository_id)
                    image = StoredImage(row.image_id, row.digest)
                    self._end_replication(
                        transaction, repository, image, Registry(row.account_id, row.region)
                    )
        return len(ended) < len(under_way)

    def _replication_rules(self, transaction: Connection, account_id: str) -> list[dict[str, Any]]:
        """All replication rules of a registry of this region."""
        found: dict[str, Any] | None = self._setting(transaction, "replication", account_id)
        return found["rules"] if found else []

    def _replication_rules_for(
        self, transaction: Connection, repository: Repository
    ) -> list[dict[str, Any]]:
        """The rules that a change of a repository's images is under: none, if it comes by replication itself."""
        if comes_by_replication():
            return []
        rules = self._replication_rules(transaction, repository.registry_id)
        return [rule for rule in rules if matches(rule, repository.repository_name)]

    def _replicate(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        tag_names: Sequence[str],
        destinations: Iterable[Registry],
    ) -> None:
        """Send an image to registries, which takes no time unless moto's state manager says otherwise."""
        for destination in destinations:
            at = self._begin_replication(transaction, image, tag_names, destination)
            if has_ended(REPLICATION, at, 0):
                self._end_replication(transaction, repository, image, destination)
            else:
                self.store.database.after_commit(lambda: self.store.schedule.expect(AT_ONCE))

    def _begin_replication(
        self,
        transaction: Connection,
        image: Any,
        tag_names: Sequence[str],
        destination: Registry,
    ) -> float:
        """Note that an image, a row or a StoredImage, is on its way with these tags; the time it is now."""
        key = _key(image, destination)
        last = transaction.execute(_REPLICATION, key).one_or_none()
        at = now()
        columns = {
            "status": "IN_PROGRESS",
            "failure_code": None,
            "tags": list(dict.fromkeys([*(last.tags if last else ()), *tag_names])),
            "started_at": at,
            "times_seen": 0,
        }
        if last is not None:
            transaction.execute(_UPDATE, {**key, **columns})
        else:
            transaction.execute(
                replications.insert(),
                {
                    "image_id": image.id,
                    "account_id": destination.account_id,
                    "region": destination.region,
                    **columns,
                },
            )
        return at

    def _end_replication(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        destination: Registry,
    ) -> None:
        """Bring an image to its destination, with those tags that were to come with it and that it still has."""
        key = _key(image, destination)
        wanted = transaction.execute(_REPLICATION, key).one().tags
        has = tags_of(transaction, repository, [image]).get(image.id, ())
        tag_names = [tag for tag in wanted if tag in has]
        failure: str | None = None
        try:
            self._copy_to(transaction, repository, image, tag_names, destination)
        except ECRError as error:
            failure = error.code
        outcome = {"status": "FAILED" if failure else "COMPLETE", "failure_code": failure}
        transaction.execute(_UPDATE, {**key, **outcome, "tags": []})

    def _copy_to(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        tag_names: Sequence[str],
        destination: Registry,
    ) -> None:
        """Raises what the destination refuses the image with."""
        with _as_replication(repository):
            registry = _enter(transaction, repository, destination)
            target = _target(transaction, repository, registry)
            for tag in tag_names or (None,):
                arrived: str | None = tag
                try:
                    copy_image(registry, transaction, image, target, tag)
                except ImageTagAlreadyExistsException:
                    # The image arrives without a tag that stays where it is (User Guide, "Considerations").
                    arrived = None
                    copy_image(registry, transaction, image, target, arrived)
                self._announce_arrival(repository, target, image.digest, arrived)

    def _announce_arrival(
        self, repository: Repository, target: Repository, digest: str, tag: str | None
    ) -> None:
        event = replication_event(
            target.repository_name,
            target.repository_arn,
            digest,
            tag,
            Registry(repository.registry_id, repository.region),
        )
        self.store.database.after_commit(
            lambda: send_event(target.registry_id, target.region, event)
        )

    def _copies_of(
        self, transaction: Connection, repository: Repository
    ) -> Iterator[tuple[ReplicationBackend, Repository]]:
        """The repositories, and their registries, to which deletions from this one are replicated."""
        rules = [
            rule
            for rule in self._replication_rules_for(transaction, repository)
            if rule.get("deleteReplication", {}).get("enabled")
        ]
        for destination in destinations_of(rules):
            try:
                with _as_replication(repository):
                    registry = _enter(transaction, repository, destination)
                    found = registry._repository(transaction, repository.repository_name)
            except ECRError:
                continue
            yield registry, found


def comes_by_replication() -> bool:
    """Whether what happens now to a registry is what replication from another one does to it."""
    caller = current_caller()
    return caller is not None and caller.action == _REPLICATE


def destinations_of(rules: Iterable[dict[str, Any]]) -> list[Registry]:
    """The destinations of rules, each once."""
    return list(
        dict.fromkeys(
            Registry(each["registryId"], each["region"])
            for rule in rules
            for each in rule["destinations"]
        )
    )


def matches(rule: dict[str, Any], repository_name: str) -> bool:
    """Whether a rule is for a repository: one without filters is for all."""
    filters = rule.get("repositoryFilters")
    return not filters or any(repository_name.startswith(each["filter"]) for each in filters)


def registry_at(registry: Registry) -> ReplicationBackend:
    """The backend of a registry. Raises ValidationException for a region that moto does not know."""
    try:
        return cast(ReplicationBackend, ecr_backends[registry.account_id][registry.region])
    except KeyError:
        raise ValidationException(f"There is no Region '{registry.region}'") from None


def _key(image: Any, destination: Registry) -> dict[str, Any]:
    return {
        "image": image.id,
        "account": destination.account_id,
        "to_region": destination.region,
    }


@contextmanager
def _as_replication(repository: Repository) -> Iterator[None]:
    """Act as ECR does on behalf of the registry whose repository this is.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/slr-rp.html
    """
    role = "aws-service-role/replication.ecr.amazonaws.com/AWSServiceRoleForECRReplication"
    partition = get_partition(repository.region)
    with calling(Caller(_REPLICATE, f"arn:{partition}:iam::{repository.registry_id}:role/{role}")):
        yield


def _enter(
    transaction: Connection, repository: Repository, destination: Registry
) -> ReplicationBackend:
    """The destination of what comes from a repository.

    Raises ValidationException where it cannot be reached, and AccessDeniedException where its registry's policy does
    not let the current caller in.
    """
    if get_partition(destination.region) != get_partition(repository.region):
        raise ValidationException("Images are not replicated to another partition")
    registry = registry_at(destination)
    visitor = registry_at(Registry(repository.registry_id, destination.region))
    visitor._check_access(transaction, destination.account_id, repository.repository_name)
    return registry


def _target(
    transaction: Connection, repository: Repository, registry: ReplicationBackend
) -> Repository:
    """The repository of the same name in the registry of a destination, made if it is not there.

    Raises AccessDeniedException where the registry's policy does not let it be made.
    """
    try:
        return registry._repository(transaction, repository.repository_name)
    except RepositoryNotFoundException:
        destination = Registry(registry.account_id, registry.region_name)
        with acting("ecr:CreateRepository"):
            _enter(transaction, repository, destination)
        return cast(CreationTemplatesBackend, registry).create_from_template(
            transaction, repository.repository_name, "REPLICATION"
        )
