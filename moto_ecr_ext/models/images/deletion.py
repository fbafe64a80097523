"""Deleting images and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from moto_ecr_ext.exceptions.registry_protocol import ImageReferencedByManifestList
from moto_ecr_ext.models.acts import Deletion
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import ManifestFacts, announce, deletion_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction
from moto_ecr_ext.storage.rows.images import ImageRow, StoredImage

from .by_reference import Condition, check_condition, find_manifest, unconditionally
from .identifiers import NO_TAG, ImageId, Selection, failure_entry, image_id_of


class DescribedImage(StoredImage, ManifestFacts, Protocol):
    """A stored image, with the members that events take from it."""


class DeletionBackend(RegistryBackend):
    """BatchDeleteImage, and deletions over the registry protocol."""

    def batch_delete_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Remove tags; remove images by digest or with their last tag.

        An index must be deleted before the images that it lists; both may be named in the same call.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        """
        with self.store.database.write() as transaction:
            repository = self.repository_anywhere(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, image_ids)
            removal = _Removal(self, transaction, repository, selection)
            failures = [
                failure_entry(image_id, self.rules.images.failure_of_deletion(code))
                for image_id in image_ids
                if isinstance(code := selection.match(image_id), str)
            ]
            waiting = [
                image_id for image_id in image_ids if not isinstance(selection.match(image_id), str)
            ]
            # Once an index is removed, the next round can remove its children.
            refused: list[tuple[ImageId, ImageReferencedByManifestList]] = []
            while waiting:
                refused = []
                for image_id in waiting:
                    try:
                        removal.remove(image_id)
                    except ImageReferencedByManifestList as error:
                        refused.append((image_id, error))
                if len(refused) == len(waiting):
                    break
                waiting = [image_id for image_id, _ in refused]
            removal.finish()
            failures += [
                failure_entry(image_id, error.code, error.message) for image_id, error in refused
            ]
        return {"imageIds": removal.image_ids, "failures": failures}

    def delete_manifest(
        self,
        repository_name: str,
        reference: Reference,
        registry_id: str | None = None,
        condition: Condition = unconditionally,
    ) -> None:
        """Delete an image and its tags, or remove a tag. An image that loses its last tag stays.

        Raises ImageNotFoundException, and ImageReferencedByManifestList for an image that an index lists.
        """
        with self.store.database.write() as transaction:
            repository, image = find_manifest(
                self, transaction, repository_name, reference, registry_id
            )
            check_condition(condition, transaction, image)
            if isinstance(reference, Digest):
                remove_image(self, transaction, repository, image)
            else:
                remove_tag(self, transaction, repository, image, reference)

    def delete_tag_and_last_image(
        self,
        repository_name: str,
        tag: Tag,
        registry_id: str | None = None,
        condition: Condition = unconditionally,
    ) -> None:
        """Remove a tag from its image, and delete the image with its last tag, as BatchDeleteImage does."""
        with self.store.database.write() as transaction:
            repository, image = find_manifest(self, transaction, repository_name, tag, registry_id)
            check_condition(condition, transaction, image)
            if rows.tags.count_of_image(transaction, image.id) == 1:
                remove_image(self, transaction, repository, image)
            else:
                remove_tag(self, transaction, repository, image, tag)


class _Removal:
    """One call of BatchDeleteImage. Tags are removed one after the other, then images together."""

    def __init__(
        self,
        registry: RegistryBackend,
        transaction: Transaction,
        repository: Repository,
        selection: Selection,
    ):
        self._registry = registry
        self._transaction = transaction
        self._repository = repository
        self._selection = selection
        self._parents = rows.references.parents(transaction, repository.id, selection.digests)
        self._removed: dict[tuple[str, str | None], dict[str, str]] = {}
        self._going: dict[str, ImageRow] = {}

    @property
    def image_ids(self) -> list[dict[str, str]]:
        """The identifiers of removed images: one for each tag, or one of an image without tags."""
        return list(self._removed.values())

    def remove(self, image_id: ImageId) -> None:
        """Remove a tag that an identifier of the selection names, or note its image for `finish`.

        Raises ImageReferencedByManifestList if an index lists the image.
        """
        row, tag = self._selection.get(image_id), image_id.get("imageTag")
        if row.digest in self._going or (row.digest, tag) in self._removed:
            return
        remaining = [
            each
            for each in self._selection.tags_of(row.id)
            if (row.digest, each) not in self._removed
        ]
        leaving = [tag] if tag and not self._means_image(image_id) else remaining
        if len(leaving) < len(remaining):
            remove_tag(self._registry, self._transaction, self._repository, row, str(tag))
        else:
            parents = self._parents.get(row.digest, ())
            if staying := [each for each in parents if each not in self._going]:
                raise ImageReferencedByManifestList(staying)
            self._going[row.digest] = row
        for each in leaving or NO_TAG:
            self._removed[row.digest, each] = image_id_of(row.digest, each)

    def finish(self) -> None:
        """Remove the noted images."""
        images = list(self._going.values())
        remove_images(self._registry, self._transaction, self._repository, images)

    def _means_image(self, image_id: ImageId) -> bool:
        """Return True if an identifier that may have a tag selects the whole image."""
        images = self._registry.rules.images
        return "imageDigest" in image_id and images.are_deleted_by_digest_with_tag()


def remove_tag(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: DescribedImage,
    tag: str,
) -> None:
    """Remove a tag from its image, which stays, and run the consequences of a deletion."""
    rows.tags.delete(transaction, repository.id, tag)
    event = deletion_event(repository.repository_name, image.digest, tag, image)
    announce(transaction, repository, event)
    registry.follow_deletion(transaction, Deletion(repository, [image.digest], tag))


def remove_image(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    image: DescribedImage,
) -> None:
    """Delete an image as `remove_images` does. Raises ImageReferencedByManifestList if an index lists it."""
    if parents := rows.references.parents(transaction, repository.id, [image.digest]):
        raise ImageReferencedByManifestList(parents[image.digest])
    remove_images(registry, transaction, repository, [image])


def remove_images(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    images: Sequence[DescribedImage],
) -> None:
    """Delete images and their tags, and the membership of blobs that no other image of the repository refers to.

    The images must not be listed by an index that stays.
    """
    if not images:
        return
    ids = [each.id for each in images]
    tags = rows.tags.of_each(transaction, ids)
    for each in images:
        for tag in tags.get(each.id, NO_TAG):
            event = deletion_event(repository.repository_name, each.digest, tag, each)
            announce(transaction, repository, event)
    blobs = rows.references.blobs_of_images(transaction, ids)
    rows.images.delete(transaction, ids)
    unheld = rows.blobs.delete_unreferenced(transaction, repository.id, blobs)
    registry.store.release_after_commit(transaction, unheld)
    registry.follow_deletion(transaction, Deletion(repository, [each.digest for each in images]))
