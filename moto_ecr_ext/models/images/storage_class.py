"""Storage classes: images are archived, so that clients cannot pull them, and restored.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html

An archived image may be deleted at any time. The minimum of 90 days is a matter of AWS's bill only.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from moto_ecr_ext.clock import now, timestamp
from moto_ecr_ext.compatibility.placeholders import stored_manifest
from moto_ecr_ext.exceptions import ImageStorageClassUpdateNotSupportedException
from moto_ecr_ext.models.acts import Push
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend, repository_by_id
from moto_ecr_ext.models.events import announce, archival_event, restore_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import AT_ONCE
from moto_ecr_ext.storage.rows.images import ImageKey, ImageRow, StoredImage
from moto_ecr_ext.storage.rows.storage_class import Activation

from .identifiers import ImageId, Selection, image_id_of


class StorageClassBackend(RegistryBackend):
    """UpdateImageStorageClass.

    Untagged children are archived after the last index that lists them, and referrers after their subject. All
    dependents of an image are restored with it.
    """

    def update_image_storage_class(
        self,
        repository_name: str,
        image_id: ImageId,
        target_storage_class: str,
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Archive an image, or restore it. It takes no time unless moto's state manager delays it.

        An image that has the storage class already is unchanged.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UpdateImageStorageClass.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            image = Selection(transaction, repository, [image_id]).get(image_id)
            if target_storage_class == "ARCHIVE" and image.status != "ARCHIVED":
                _check_archivable(transaction, repository, image)
                for each in _with_dependents(
                    transaction, repository, image, rows.storage_class.left_alone
                ):
                    archive_images(transaction, repository, [each])
            elif target_storage_class == "STANDARD" and image.status == "ARCHIVED":
                for each in _with_dependents(
                    transaction, repository, image, rows.storage_class.archived
                ):
                    begun = rows.storage_class.begin_activation(
                        transaction, repository.id, each, now()
                    )
                    ACTIVATIONS.begin(self, transaction, begun)
            status = rows.storage_class.status(transaction, image.id)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "imageId": image_id_of(image.digest, image_id.get("imageTag")),
            "imageStatus": status,
        }


def _check_archivable(view: View, repository: Repository, image: ImageRow) -> None:
    """Raise an error for an image that is being restored, a child of an index, or a referrer of an active subject."""
    if image.status == "ACTIVATING" or rows.storage_class.is_listed(view, image.id):
        raise ImageStorageClassUpdateNotSupportedException
    if image.subject is not None:
        status = rows.storage_class.status_by_digest(view, repository.id, image.subject)
        if status != "ARCHIVED":
            raise ImageStorageClassUpdateNotSupportedException


def archive_images(
    transaction: Transaction, repository: Repository, images: Sequence[ImageRow]
) -> None:
    """Archive images, and delete their scan findings."""
    if not images:
        return
    rows.storage_class.archive(transaction, [each.id for each in images], timestamp())
    for each in images:
        event = archival_event(repository.repository_name, each.digest, each)
        announce(transaction, repository, event)


def restore(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, image: StoredImage
) -> bool:
    """Restore an archived image at once, even if it is being restored. Return True if it was archived."""
    if rows.storage_class.status(transaction, image.id) == "ACTIVE":
        return False
    for each in _with_dependents(transaction, repository, image, rows.storage_class.inactive):
        _activate(registry, transaction, repository, each)
    return True


def _activate(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, image: StoredImage
) -> None:
    """Restore one image from the archive, as if it were pushed now."""
    at = timestamp()
    content = rows.images.content(transaction, image.id)
    assert content is not None
    manifest = stored_manifest(content)
    rows.storage_class.activate(transaction, image.id, at)
    event = restore_event(repository.repository_name, image.digest, manifest, at)
    announce(transaction, repository, event)
    key = ImageKey(image.id, image.digest)
    registry.follow_push(transaction, Push(repository, key, manifest))


def _with_dependents(
    view: View,
    repository: Repository,
    image: StoredImage,
    dependents_of: Callable[[View, int, StoredImage], Iterator[ImageRow]],
) -> Iterator[Any]:
    """Yield an image and its dependents, which `dependents_of` finds once the caller has dealt with their parent."""
    yield image
    parents: deque[StoredImage] = deque([image])
    while parents:
        for dependent in dependents_of(view, repository.id, parents.popleft()):
            yield dependent
            parents.append(dependent)


def count_description_of_activations(
    registry: RegistryBackend, repository_name: str, registry_id: str | None
) -> None:
    """Count one more description of the images of a repository that are being restored."""
    # Images are described too often to read the rows each time. The schedule may miss work that another process began.
    if not registry.store.schedule.is_due(AT_ONCE):
        return

    def count(transaction: Transaction) -> None:
        repository = registry.repository(transaction, repository_name, registry_id)
        rows.storage_class.count_description_of_activations(transaction, repository.id)

    ACTIVATIONS.count_description(registry, count)


def _end_activation(
    registry: RegistryBackend, transaction: Transaction, activation: Activation
) -> None:
    repository = repository_by_id(transaction, activation.repository_id)
    owner = registry.registry(repository.registry_id, repository.region)
    _activate(owner, transaction, repository, activation)


ACTIVATIONS = BackgroundWork(
    "ecr::image_activation",
    under_way=rows.storage_class.activations,
    again=lambda view, activation: rows.storage_class.activation(view, activation.id),
    end=_end_activation,
)
