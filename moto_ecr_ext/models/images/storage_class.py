"""Storage classes: images go to the archive, where nobody can pull them, and come back.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html

An archived image may be deleted at any time. That it is paid for 90 days at least is seen on a bill only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from moto.ecr.models import ecr_backends
from sqlalchemy import Connection, Row, Select, bindparam, exists, select

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import ImageStorageClassUpdateNotSupportedException
from moto_ecr_ext.models.events import ManifestFacts, storage_class_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import parse_manifest
from moto_ecr_ext.services.eventbridge import send_event
from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows import tables

from .identifiers import (
    DETAILS,
    ImageId,
    Selection,
    image_id_of,
)
from .images import ImagesBackend, StoredImage

# The name under which moto's state manager knows the way back from the archive.
ACTIVATION = "ecr::image_activation"

images, references, activations = (
    tables.images,
    tables.image_references,
    tables.image_activations,
)

# Aliases, so that statements that have these tables themselves are not taken to mean the same rows.
_parent, _listing = images.alias(), references.alias()
_IS_LISTED = exists().where(
    _listing.c.repository_id == images.c.repository_id,
    _listing.c.digest == images.c.digest,
    _listing.c.kind == "manifest",
    _parent.c.id == _listing.c.image_id,
    _parent.c.status != "ARCHIVED",
)
_IS_TAGGED = exists().where(tables.tags.c.image_id == images.c.id)
_IN_REPOSITORY = images.c.repository_id == bindparam("repository")
_CHILDREN = (
    select(*DETAILS)
    .join(references, references.c.digest == images.c.digest)
    .where(
        _IN_REPOSITORY,
        references.c.image_id == bindparam("leader_id"),
        references.c.kind == "manifest",
    )
)
_REFERRERS = select(*DETAILS).where(_IN_REPOSITORY, images.c.subject == bindparam("leader"))
_IS_LEFT_ALONE = (images.c.status == "ACTIVE") & ~_IS_LISTED
# What goes into the archive behind an image, what begins to come back behind it, and what is back at once.
_ARCHIVED_BEHIND = (_CHILDREN.where(_IS_LEFT_ALONE, ~_IS_TAGGED), _REFERRERS.where(_IS_LEFT_ALONE))
_RESTORED_BEHIND = tuple(
    each.where(images.c.status == "ARCHIVED") for each in (_CHILDREN, _REFERRERS)
)
_ACTIVATED_BEHIND = tuple(
    each.where(images.c.status != "ACTIVE") for each in (_CHILDREN, _REFERRERS)
)

_IS_IMAGE = images.c.id == bindparam("image")
_IS_HELD = select(_IS_LISTED).where(_IS_IMAGE)
_STATUS = select(images.c.status).where(_IS_IMAGE)
_STATUS_OF_SUBJECT = select(images.c.status).where(
    _IN_REPOSITORY, images.c.digest == bindparam("leader")
)
_CONTENT = select(images.c.manifest, images.c.media_type).where(_IS_IMAGE)
_UPDATE = images.update().where(_IS_IMAGE)
_DELETE_SCAN = tables.scans.delete().where(tables.scans.c.image_id == bindparam("image"))
_DELETE_ACTIVATION = activations.delete().where(activations.c.image_id == bindparam("image"))
_SEE_AGAIN = (
    activations.update()
    .where(activations.c.image_id.in_(select(images.c.id).where(_IN_REPOSITORY)))
    .values(times_seen=activations.c.times_seen + 1)
)
_ACTIVATIONS = (
    select(
        images.c.id,
        images.c.digest,
        images.c.repository_id,
        activations.c.started_at,
        activations.c.times_seen,
    )
    .join(images, images.c.id == activations.c.image_id)
    .order_by(images.c.id)
)


class StorageClassBackend(ImagesBackend):
    """Operations on storage classes.

    Children of an index that have no tags go into the archive behind the last index that lists them, referrers behind
    their subject. Everything that belongs to an image comes back with it.
    """

    def update_image_storage_class(
        self,
        repository_name: str,
        image_id: ImageId,
        target_storage_class: str,
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Archive an image, or bring it back, which takes no time unless moto's state manager says otherwise.

        An image that is there already stays as it is.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateImageStorageClass.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            image = Selection(transaction, repository, [image_id]).get(image_id)
            if target_storage_class == "ARCHIVE" and image.status != "ARCHIVED":
                self._check_archivable(transaction, repository, image)
                self._spread(transaction, repository, image, _ARCHIVED_BEHIND, self.archive_image)
            elif target_storage_class == "STANDARD" and image.status == "ARCHIVED":
                self._spread(
                    transaction, repository, image, _RESTORED_BEHIND, self._begin_activation
                )
            status = transaction.execute(_STATUS, {"image": image.id}).scalar_one()
        if status == "ACTIVATING":
            self.store.schedule.expect(AT_ONCE)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "imageStatus": status,
        }

    def _check_archivable(
        self, transaction: Connection, repository: Repository, image: Row[Any]
    ) -> None:
        """Raise for an image on its way back, one that an index needs, and a referrer without its subject."""
        is_held = transaction.execute(_IS_HELD, {"image": image.id}).scalar_one()
        if image.status == "ACTIVATING" or is_held:
            raise ImageStorageClassUpdateNotSupportedException
        if image.subject is not None:
            status = transaction.execute(
                _STATUS_OF_SUBJECT, {"repository": repository.id, "leader": image.subject}
            ).scalar_one_or_none()
            if status != "ARCHIVED":
                raise ImageStorageClassUpdateNotSupportedException

    def archive_image(self, transaction: Connection, repository: Repository, image: Any) -> None:
        """Put one image, a row, into the archive, where what was found in it is forgotten."""
        transaction.execute(
            _UPDATE,
            {"image": image.id, "status": "ARCHIVED", "last_archived_at": round(now(), 3)},
        )
        transaction.execute(_DELETE_ACTIVATION, {"image": image.id})
        transaction.execute(_DELETE_SCAN, {"image": image.id})
        self._announce_move(repository, image.digest, image, None)

    def _begin_activation(
        self, transaction: Connection, repository: Repository, image: Any
    ) -> None:
        at = now()
        if has_ended(ACTIVATION, at, 0):
            self.activate_image(transaction, repository, image)
            return
        # Until it has ended, it counts from its beginning.
        transaction.execute(
            _UPDATE,
            {"image": image.id, "status": "ACTIVATING", "last_activated_at": round(at, 3)},
        )
        transaction.execute(
            activations.insert(), {"image_id": image.id, "started_at": at, "times_seen": 0}
        )

    def activate_image(self, transaction: Connection, repository: Repository, image: Any) -> None:
        """Bring one image, a row with `id` and `digest`, back from the archive, as if it had been pushed now."""
        at = round(now(), 3)
        transaction.execute(
            _UPDATE, {"image": image.id, "status": "ACTIVE", "last_activated_at": at}
        )
        transaction.execute(_DELETE_ACTIVATION, {"image": image.id})
        content = transaction.execute(_CONTENT, {"image": image.id}).one()
        manifest = parse_manifest(content.manifest, content.media_type)
        self._announce_move(repository, image.digest, manifest, at)
        self.image_was_pushed(
            transaction, repository, StoredImage(image.id, image.digest), manifest
        )

    def _announce_move(
        self, repository: Repository, digest: str, about: ManifestFacts, activated_at: float | None
    ) -> None:
        """Tell EventBridge that an image has changed its storage class, once it is committed."""
        event = storage_class_event(repository.repository_name, digest, about, activated_at)
        self.store.database.after_commit(
            lambda: send_event(repository.registry_id, repository.region, event)
        )

    def image_was_pushed_again(
        self, transaction: Connection, repository: Repository, image: StoredImage
    ) -> bool:
        """A push brings an archived image back at once, also one that is on its way."""
        if super().image_was_pushed_again(transaction, repository, image):
            return True
        if transaction.execute(_STATUS, {"image": image.id}).scalar_one() == "ACTIVE":
            return False
        self._spread(transaction, repository, image, _ACTIVATED_BEHIND, self.activate_image)
        return True

    def _spread(
        self,
        transaction: Connection,
        repository: Repository,
        image: Any,
        followers: Sequence[Select[Any]],
        act: Callable[[Connection, Repository, Any], None],
    ) -> None:
        """Act on an image, and on all that `followers` finds behind it.

        Those statements do not find an image any more that was acted on.
        """
        act(transaction, repository, image)
        leaders = deque([image])
        while leaders:
            leader = leaders.popleft()
            key = {"repository": repository.id, "leader_id": leader.id, "leader": leader.digest}
            for statement in followers:
                for follower in transaction.execute(statement, key).all():
                    act(transaction, repository, follower)
                    leaders.append(follower)

    def describe_images(
        self,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: Sequence[ImageId] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """As without an archive; images on their way back have been seen once more then."""
        if self.store.schedule.is_due(AT_ONCE):
            with self.store.database.write() as transaction:
                repository = self._repository(transaction, repository_name, registry_id)
                transaction.execute(_SEE_AGAIN, {"repository": repository.id})
            self.end_activations()
        return super().describe_images(
            repository_name, registry_id, image_ids, next_token, max_results, filter
        )

    def end_activations(self) -> bool:
        """Bring those images back, of all registries, that have been on their way long enough.

        Gives whether others still are.
        """
        with self.store.database.read() as transaction:
            under_way = transaction.execute(_ACTIVATIONS).all()
        ended = [
            each for each in under_way if has_ended(ACTIVATION, each.started_at, each.times_seen)
        ]
        for image in ended:
            with self.store.database.write() as transaction:
                # Another process may have been faster.
                status = transaction.execute(_STATUS, {"image": image.id}).scalar_one_or_none()
                if status == "ACTIVATING":
                    repository = self._repository_by_id(transaction, image.repository_id)
                    owner = cast(
                        StorageClassBackend,
                        ecr_backends[repository.registry_id][repository.region],
                    )
                    owner.activate_image(transaction, repository, image)
        return len(ended) < len(under_way)
