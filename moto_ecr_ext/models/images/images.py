"""Images: manifests and their tags. The one write path for an image of either protocol, reading and deleting."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, select

from moto_ecr_ext import settings
from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageReferencedByManifestList,
    ImageTagAlreadyExistsException,
    ManifestBlobUnknown,
    ReferencedImagesNotFoundException,
    TooManyImageTags,
)
from moto_ecr_ext.models.events import ManifestFacts, image_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import digest_of
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest, translate
from moto_ecr_ext.services.eventbridge import send_event
from moto_ecr_ext.services.principals import identity_of
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.rows import tables

from .identifiers import (
    ImageId,
    Selection,
    failure_entry,
    image_id_of,
    tags_of,
)
from .listings import ListingsBackend

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Tags per image"
MAX_TAGS = 1000

# What an image without tags is listed under.
_NO_TAG: list[str | None] = [None]

images, tags, references = tables.images, tables.tags, tables.image_references

_IN_REPOSITORY = images.c.repository_id == bindparam("repository")
_BY_DIGEST = select(images.c.id).where(_IN_REPOSITORY, images.c.digest == bindparam("image"))
_BY_TAG = select(tags.c.image_id).where(
    tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag")
)
_BEFORE_PUT = Query(
    select(_BY_DIGEST.scalar_subquery().label("id"), _BY_TAG.scalar_subquery().label("tagged_id"))
)
_CONTENT = Query(
    select(images.c.media_type, images.c.manifest).where(images.c.id == bindparam("image_id"))
)
_HELD_BLOBS = select(tables.repository_blobs.c.digest).where(
    tables.repository_blobs.c.repository_id == bindparam("repository"),
    tables.repository_blobs.c.digest.in_(bindparam("digests", expanding=True)),
)
_HELD_IMAGES = select(images.c.digest, images.c.size).where(
    _IN_REPOSITORY, images.c.digest.in_(bindparam("digests", expanding=True))
)
_PARENTS = (
    select(images.c.digest)
    .join(references, references.c.image_id == images.c.id)
    .where(
        references.c.repository_id == bindparam("repository"),
        references.c.digest == bindparam("child"),
        references.c.kind == "manifest",
    )
    .order_by(images.c.digest)
)
_MOVE_TAG = tags.update().where(
    tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag")
)
_DELETE_TAG = tags.delete().where(
    tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag")
)
_DELETE_IMAGE = images.delete().where(images.c.id == bindparam("image_id"))
_BLOBS_OF = select(references.c.digest).where(
    references.c.image_id == bindparam("image_id"), references.c.kind == "blob"
)
_UNREFERENCED = tables.repository_blobs.delete().where(
    tables.repository_blobs.c.repository_id == bindparam("repository"),
    tables.repository_blobs.c.digest == bindparam("blob"),
    ~exists().where(
        references.c.repository_id == tables.repository_blobs.c.repository_id,
        references.c.digest == tables.repository_blobs.c.digest,
    ),
)


@dataclass(slots=True)
class Image:
    """A manifest under one of its tags, or under none. The attributes are the members of ECR's `Image`."""

    registry_id: str
    repository_name: str
    image_id: dict[str, str]
    image_manifest: str
    image_manifest_media_type: str


@dataclass(frozen=True, slots=True)
class StoredImage:
    """An image that is in a repository now, by its row."""

    id: int
    digest: str


@dataclass(frozen=True, slots=True)
class PutResult:
    """What a put did. `changed` is False when the image was there before under this tag, or without any."""

    image: StoredImage
    changed: bool


class ImagesBackend(ListingsBackend):
    """Operations on images."""

    def put_image(
        self,
        repository_name: str,
        image_manifest: str,
        registry_id: str | None = None,
        image_manifest_media_type: str | None = None,
        image_tag: str | None = None,
        image_digest: str | None = None,
    ) -> dict[str, Any]:
        """Store a manifest, under a tag if one is given.

        Unless the setting `verify_layers` is on, the layers and images that it names need not be there: suites written
        for moto put manifests whose layers were never uploaded. There is no limit to how many images a repository has.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
        """
        content = image_manifest.encode()
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            manifest = parse_manifest(content, image_manifest_media_type)
            digest = digest_of(content)
            if image_digest is not None and image_digest != digest:
                raise ImageDigestDoesNotMatchException(
                    image_digest, repository.repository_name, repository.registry_id
                )
            if settings.VERIFY_LAYERS.get() == "true":
                self.check_references(transaction, repository, manifest)
            result = self.store_manifest(transaction, repository, manifest, digest, image_tag)
            if not result.changed:
                raise ImageAlreadyExistsException(
                    digest, image_tag, repository.repository_name, repository.registry_id
                )
        return {
            "image": Image(
                registry_id=repository.registry_id,
                repository_name=repository.repository_name,
                image_id=image_id_of(digest, image_tag),
                image_manifest=image_manifest,
                image_manifest_media_type=manifest.media_type,
            )
        }

    def check_references(
        self, transaction: Connection, repository: Repository, manifest: Manifest
    ) -> None:
        """Raise ManifestBlobUnknown or ReferencedImagesNotFoundException for what the repository does not hold."""
        names = (repository.repository_name, repository.registry_id)
        blobs = [blob.digest for blob in manifest.blobs if blob.is_distributed]
        missing = _missing(blobs, transaction, _HELD_BLOBS, repository)
        if missing:
            raise ManifestBlobUnknown(missing, *names)
        children = [child.digest for child in manifest.children]
        missing = _missing(children, transaction, _HELD_IMAGES, repository)
        if missing:
            raise ReferencedImagesNotFoundException(missing, *names)

    def store_manifest(
        self,
        transaction: Connection,
        repository: Repository,
        manifest: Manifest,
        digest: str,
        tag: str | None,
    ) -> PutResult:
        """The write path of both protocols: an image and its tag, as the repository's mutability allows.

        Raises ImageTagAlreadyExistsException for an immutable tag that names another image, and LimitExceededException
        for one tag too many.
        """
        [before] = _BEFORE_PUT.all(
            transaction, {"repository": repository.id, "image": digest, "tag": tag or ""}
        )
        gets_tag = tag is not None and (before.tagged_id is None or before.tagged_id != before.id)
        if tag is not None and gets_tag:
            _check_tag(transaction, repository, before, tag)
        is_new = before.id is None
        row_id = self._insert(transaction, repository, manifest, digest) if is_new else before.id
        if gets_tag:
            if before.tagged_id is None:
                transaction.execute(
                    tags.insert(),
                    {"repository_id": repository.id, "name": tag, "image_id": row_id},
                )
            else:
                transaction.execute(
                    _MOVE_TAG, {"repository": repository.id, "tag": tag, "image_id": row_id}
                )
        image = StoredImage(row_id, digest)
        if is_new or gets_tag:
            self._announce(repository, "PUSH", digest, tag, manifest)
        if is_new:
            self.image_was_pushed(transaction, repository, image, manifest)
            return PutResult(image, changed=True)
        if self.image_was_pushed_again(transaction, repository, image):
            return PutResult(image, changed=True)
        if tag is not None and gets_tag:
            self.image_was_tagged(transaction, repository, image, tag)
        # Without a tag, it is the same again only where the image has none.
        return PutResult(
            image, gets_tag if tag else bool(tags_of(transaction, repository, [image]))
        )

    def image_was_pushed(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        manifest: Manifest,
    ) -> None:
        """What follows a push of a new image; other parts of the backend add to it."""

    def image_was_pushed_again(
        self, transaction: Connection, repository: Repository, image: StoredImage
    ) -> bool:
        """What follows a push of an image that is there, and whether it changes that; others add to it."""
        return False

    def image_was_tagged(
        self, transaction: Connection, repository: Repository, image: StoredImage, tag: str
    ) -> None:
        """What follows a push that gave a tag to an image that is there and active; others add to it."""

    def batch_get_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
        accepted_media_types: list[str] | None = None,
    ) -> dict[str, Any]:
        """Manifests, one entry for each tag of an image that is asked for by digest.

        Asked for by tag, a manifest whose type is not accepted comes translated where ECR can do that.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
        """
        found: dict[tuple[str, str | None], Image] = {}
        failures = []
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, image_ids)
            pulled = []
            for image_id in image_ids:
                row = selection.match(image_id)
                if isinstance(row, str):
                    failures.append(failure_entry(image_id, row))
                    continue
                if row.status != "ACTIVE":
                    failures.append(failure_entry(image_id, "ImageInaccessible"))
                    continue
                [stored] = _CONTENT.all(transaction, {"image_id": row.id})
                pulled.append(row)
                asked_tag = image_id.get("imageTag")
                for tag in [asked_tag] if asked_tag else selection.tags_of(row.id) or _NO_TAG:
                    content, media_type, digest = stored.manifest, stored.media_type, row.digest
                    if "imageDigest" not in image_id:
                        content, media_type = translate(
                            content, media_type, accepted_media_types or ()
                        )
                        if content is not stored.manifest:
                            digest = digest_of(content)
                    found[digest, tag] = Image(
                        registry_id=repository.registry_id,
                        repository_name=repository.repository_name,
                        image_id=image_id_of(digest, tag),
                        image_manifest=content.decode("utf-8"),
                        image_manifest_media_type=media_type,
                    )
        self.record_pull(pulled)
        return {"images": list(found.values()), "failures": failures}

    def record_pull(self, images: Iterable[Any]) -> None:
        """Remember that these images, rows with an `id`, were pulled now, unless the caller is excluded from that."""
        caller = current_caller()
        self.store.pulls.add(
            [image.id for image in images],
            round(now(), 3),
            identity_of(caller.principal) if caller else None,
        )

    def batch_delete_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Remove tags; remove images by digest or with their last tag.

        An image goes only after the indexes that list it, which may be named in the same call.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        """
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, image_ids)
            removal = _Removal(self, transaction, repository, selection)
            failures = [
                failure_entry(image_id, code)
                for image_id in image_ids
                if isinstance(code := selection.match(image_id), str)
            ]
            waiting = [
                image_id for image_id in image_ids if not isinstance(selection.match(image_id), str)
            ]
            # An index that goes lets its children go, in the next round.
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
            failures += [
                failure_entry(image_id, error.code, error.message) for image_id, error in refused
            ]
        return {"imageIds": removal.image_ids, "failures": failures}

    def _insert(
        self, transaction: Connection, repository: Repository, manifest: Manifest, digest: str
    ) -> int:
        inserted = transaction.execute(
            images.insert(),
            {
                "repository_id": repository.id,
                "digest": digest,
                "media_type": manifest.media_type,
                "artifact_type": manifest.artifact_type,
                "subject": manifest.subject,
                "size": self._size(transaction, repository, manifest),
                "pushed_at": int(now()),
                "status": "ACTIVE",
                "manifest": manifest.content,
            },
        ).inserted_primary_key
        assert inserted is not None
        rows = {
            descriptor.digest: {
                "image_id": inserted[0],
                "repository_id": repository.id,
                "digest": descriptor.digest,
                "kind": kind,
                "media_type": descriptor.media_type,
            }
            for kind, descriptors in (("blob", manifest.blobs), ("manifest", manifest.children))
            for descriptor in descriptors
        }
        if rows:
            transaction.execute(references.insert(), list(rows.values()))
        return int(inserted[0])

    def _size(
        self, transaction: Connection, repository: Repository, manifest: Manifest
    ) -> int | None:
        """Bytes of all that the manifest refers to; of an index, those of its largest image that is there, if any is.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html, imageSizeInBytes
        """
        if not manifest.is_index:
            return sum({blob.digest: blob.size for blob in manifest.blobs}.values())
        digests = [child.digest for child in manifest.children]
        held = transaction.execute(
            _HELD_IMAGES, {"repository": repository.id, "digests": digests}
        ).all()
        return max((row.size for row in held if row.size is not None), default=None)

    def remove_tag(
        self, transaction: Connection, repository: Repository, image: Any, tag: str
    ) -> None:
        """Take a tag from its image, a row, which stays."""
        transaction.execute(_DELETE_TAG, {"repository": repository.id, "tag": tag})
        self._announce(repository, "DELETE", image.digest, tag, image)

    def remove_image(self, transaction: Connection, repository: Repository, image: Any) -> None:
        """Delete an image, a row, its tags, and membership of blobs that no other image of the repository refers to.

        Raises ImageReferencedByManifestList for a child of an index that is still there.
        """
        parents = transaction.execute(
            _PARENTS, {"repository": repository.id, "child": image.digest}
        ).scalars()
        if listed := list(parents):
            raise ImageReferencedByManifestList(listed)
        for tag in tags_of(transaction, repository, [image]).get(image.id) or _NO_TAG:
            self._announce(repository, "DELETE", image.digest, tag, image)
        blobs = transaction.execute(_BLOBS_OF, {"image_id": image.id}).scalars().all()
        transaction.execute(_DELETE_IMAGE, {"image_id": image.id})
        unheld = [
            digest
            for digest in blobs
            if transaction.execute(
                _UNREFERENCED, {"repository": repository.id, "blob": digest}
            ).rowcount
        ]
        self.store.release_after_commit(unheld)

    def _announce(
        self,
        repository: Repository,
        action: str,
        digest: str,
        tag: str | None,
        about: ManifestFacts,
    ) -> None:
        """Tell EventBridge of a push or a deletion, once it is committed."""
        event = image_event(action, repository.repository_name, digest, tag, about)
        self.store.database.after_commit(
            lambda: send_event(repository.registry_id, repository.region, event)
        )


class _Removal:
    """One call of BatchDeleteImage while it removes one image after the other."""

    def __init__(
        self,
        backend: ImagesBackend,
        transaction: Connection,
        repository: Repository,
        selection: Selection,
    ):
        self._backend = backend
        self._transaction = transaction
        self._repository = repository
        self._selection = selection
        self._removed: dict[tuple[str, str | None], dict[str, str]] = {}
        self._gone: set[int] = set()

    @property
    def image_ids(self) -> list[dict[str, str]]:
        """What was removed: an identifier for each tag, or one of an image without tags."""
        return list(self._removed.values())

    def remove(self, image_id: ImageId) -> None:
        """Remove what an identifier of the selection names, unless it is gone already.

        Raises ImageReferencedByManifestList.
        """
        row, tag = self._selection.get(image_id), image_id.get("imageTag")
        if row.id in self._gone or (row.digest, tag) in self._removed:
            return
        remaining = [
            each
            for each in self._selection.tags_of(row.id)
            if (row.digest, each) not in self._removed
        ]
        leaving = [tag] if tag else remaining
        if len(leaving) < len(remaining):
            self._backend.remove_tag(self._transaction, self._repository, row, str(tag))
        else:
            self._backend.remove_image(self._transaction, self._repository, row)
            self._gone.add(row.id)
        for each in leaving or _NO_TAG:
            self._removed[row.digest, each] = image_id_of(row.digest, each)


def _check_tag(transaction: Connection, repository: Repository, before: Any, tag: str) -> None:
    """Raise where an image may not get a tag. `before` is a row of `_BEFORE_PUT`."""
    if before.tagged_id is not None and repository.is_immutable(tag):
        raise ImageTagAlreadyExistsException(tag, repository.repository_name)
    if before.id is None:
        return
    if len(tags_of(transaction, repository, [before]).get(before.id, ())) >= MAX_TAGS:
        raise TooManyImageTags(tag, repository.repository_name, repository.registry_id, MAX_TAGS)


def _missing(
    digests: list[str], transaction: Connection, held: Select[Any], repository: Repository
) -> list[str]:
    """Those of `digests` that the statement `held` does not find in the repository, each once, in their order."""
    if not digests:
        return []
    found = {
        row.digest
        for row in transaction.execute(held, {"repository": repository.id, "digests": digests})
    }
    return [digest for digest in dict.fromkeys(digests) if digest not in found]
