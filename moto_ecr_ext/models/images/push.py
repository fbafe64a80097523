"""Pushing images: the one write path for a manifest and its tag, for both protocols."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from moto_ecr_ext import settings
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.compatibility.images import ImageRules
from moto_ecr_ext.compatibility.placeholders import Placeholder
from moto_ecr_ext.exceptions import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ManifestBlobUnknown,
    ReferencedImagesNotFoundException,
    TooManyImages,
    TooManyImageTags,
)
from moto_ecr_ext.exceptions.base import ECRError
from moto_ecr_ext.exceptions.registry_protocol import ImageReferencedByManifestList
from moto_ecr_ext.models.acts import Push
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import announce, push_event
from moto_ecr_ext.models.failures import logging_refused_manifests
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest, too_many_layers
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import BeforePut, ImageKey

from .by_reference import Condition, check_condition, unconditionally
from .deletion import remove_image
from .ecr_schema import check_ecr_schema, check_media_types
from .identifiers import NO_TAG, image_id_of
from .storage_class import restore


@dataclass(slots=True)
class ImageResult:
    """A manifest with one of its tags, or with none. The attributes are the members of ECR's `Image`."""

    registry_id: str
    repository_name: str
    image_id: dict[str, str]
    image_manifest: str
    image_manifest_media_type: str


@dataclass(frozen=True, slots=True)
class PushResult:
    """The result of a push. `changed` is False if the image existed with this tag, or without any."""

    image: ImageKey
    changed: bool


@dataclass(frozen=True, slots=True)
class IncomingManifest:
    """A manifest that a client sends by the registry protocol.

    `digests` are its claimed digests. It is stored under the first of them, or else under its sha256, and gets all of
    `tags`. `reference` is the one in the request.
    """

    reference: Reference
    content: bytes
    media_type: str | None
    digests: Sequence[Digest] = ()
    tags: Sequence[Tag] = ()
    condition: Condition = unconditionally


class PushRules(Protocol):
    """Rules for a push by the registry protocol beyond the OCI specification. Each method raises an ECRError."""

    def check_manifest(self, manifest: Manifest) -> None:
        """Refuse a manifest that the specification allows."""

    def check_repeated_push(self, repository: Repository, tag: str) -> None:
        """Refuse to push an image again under a tag that it has."""


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """The result of pushing a manifest: its digest, and the digest of its subject if it has one."""

    digest: str
    subject: str | None


class PushBackend(RegistryBackend):
    """PutImage, and its counterpart in the registry protocol."""

    def put_image(
        self,
        repository_name: str,
        image_manifest: str,
        registry_id: str | None = None,
        image_manifest_media_type: str | None = None,
        image_tag: str | None = None,
        image_digest: str | None = None,
    ) -> dict[str, Any]:
        """Push a manifest.

        Suites written for moto put manifests whose layers were never uploaded. Therefore, unless the setting
        `verify_layers` is on, the layers and images that the manifest refers to need not exist, and only a part of
        ECR's schema is checked.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
        """
        content = image_manifest.encode()
        with self.store.database.write() as transaction:
            repository = self.repository_anywhere(transaction, repository_name, registry_id)
            images = self.rules.images
            manifest = _read_image(content, image_manifest_media_type, repository, images)
            own = Digest.of(content)
            _check_digest(image_digest, own, repository, images.accept_digest)
            manifest, digest = images.stored(
                transaction, repository.id, manifest, own, image_digest
            )
            _check_uploaded(transaction, repository, manifest, images)
            result = store_manifest(self, transaction, repository, manifest, digest, image_tag)
            if not result.changed and not images.accept_repetition(image_tag):
                raise ImageAlreadyExistsException(digest, image_tag, repository)
        return {
            "image": ImageResult(
                registry_id=repository.registry_id,
                repository_name=repository.repository_name,
                image_id=image_id_of(digest, image_tag),
                image_manifest=image_manifest,
                image_manifest_media_type=manifest.media_type,
            )
        }

    def put_manifest(
        self,
        repository_name: str,
        incoming: IncomingManifest,
        rules: PushRules,
        registry_id: str | None = None,
    ) -> PushedManifest:
        """Push a manifest under its digest and its tags. Repeating a push changes nothing.

        All blobs and manifests that it refers to must exist. Raises the errors of PutImage, except
        ImageAlreadyExistsException.
        """
        content = incoming.content
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            manifest = _read_manifest(
                content, incoming.media_type, repository, rules.check_manifest
            )
            for claimed in incoming.digests:
                _check_digest(claimed, Digest.of(content, claimed.algorithm), repository)
            digest = incoming.digests[0] if incoming.digests else Digest.of(content)
            _check_references(transaction, repository, manifest)
            if incoming.condition is not unconditionally:
                found = rows.images.by_reference(transaction, repository.id, incoming.reference)
                check_condition(incoming.condition, transaction, found and found.image)
            for tag in incoming.tags or NO_TAG:
                result = store_manifest(self, transaction, repository, manifest, digest, tag)
                if tag is not None and not result.changed:
                    rules.check_repeated_push(repository, tag)
        return PushedManifest(digest, manifest.subject)


def _read_image(
    content: bytes, media_type: str | None, repository: Repository, images: ImageRules
) -> Manifest:
    """Return the manifest of PutImage, or a placeholder for a text that the rules accept instead."""
    check = check_ecr_schema if images.need_layers else check_media_types
    with logging_refused_manifests(repository.repository_name):
        try:
            manifest = parse_manifest(content, media_type)
            check(manifest)
        except ECRError:
            # The error holds the frames that parsed the text. Stored in a variable of one, it would keep them until
            # the next collection of cycles, and the document of a large text with them.
            placeholder = images.placeholder_for(content, media_type)
            if placeholder is None:
                raise
            return placeholder
    return manifest


def _read_manifest(
    content: bytes,
    media_type: str | None,
    repository: Repository,
    check: Callable[[Manifest], None],
) -> Manifest:
    """Return a pushed manifest, once `check` has accepted it."""
    with logging_refused_manifests(repository.repository_name):
        manifest = parse_manifest(content, media_type)
        check(manifest)
    return manifest


def _check_uploaded(
    view: View, repository: Repository, manifest: Manifest, images: ImageRules
) -> None:
    """Refuse references that the repository does not hold, unless the rules accept them."""
    try:
        _check_references(view, repository, manifest)
    except (ManifestBlobUnknown, ReferencedImagesNotFoundException):
        if not images.accept_missing_layers():
            raise


def _check_digest(
    claimed: str | None,
    digest: Digest,
    repository: Repository,
    accepts: Callable[[str], bool] = lambda _: False,
) -> None:
    """Raise ImageDigestDoesNotMatchException for another digest than the claimed one, unless `accepts` accepts it."""
    if claimed is not None and claimed != digest and not accepts(claimed):
        raise ImageDigestDoesNotMatchException(claimed, repository)


def _check_references(view: View, repository: Repository, manifest: Manifest) -> None:
    """Raise ManifestBlobUnknown or ReferencedImagesNotFoundException for references outside of the repository."""
    blobs = list(dict.fromkeys(blob.digest for blob in manifest.blobs if blob.is_distributed))
    held = rows.blobs.held(view, repository.id, blobs)
    if missing := [digest for digest in blobs if digest not in held]:
        raise ManifestBlobUnknown(missing, repository)
    children = list(dict.fromkeys(child.digest for child in manifest.children))
    there = {image.digest for image in rows.images.sizes(view, repository.id, children)}
    if missing := [digest for digest in children if digest not in there]:
        raise ReferencedImagesNotFoundException(missing, repository)


def store_manifest(
    registry: RegistryBackend,
    transaction: Transaction,
    repository: Repository,
    manifest: Manifest,
    digest: str,
    tag: str | None,
) -> PushResult:
    """Store an image and its tag, as the repository's mutability allows, and run the consequences of a push.

    `registry` is the registry that acts; the repository may be in another one. Raises ImageTagAlreadyExistsException
    for an immutable tag that names another image, and LimitExceededException when a quota of images or tags is reached.
    """
    before = rows.images.before_put(transaction, repository.id, digest, tag or "")
    gets_tag = tag is not None and (before.tagged_id is None or before.tagged_id != before.id)
    if tag is not None and gets_tag:
        _check_tag(registry, transaction, repository, before, digest, tag)
    row_id = before.id
    is_new = row_id is None
    if row_id is None:
        check_quota(transaction, repository)
        _check_layers(manifest)
        row_id = _insert(transaction, repository, manifest, digest)
    elif _replaces_placeholder(transaction, row_id, manifest):
        rows.images.update(transaction, row_id, _columns(transaction, repository, manifest, digest))
        _insert_references(transaction, repository, manifest, row_id)
        is_new = True
    if tag is not None and gets_tag:
        put_tag = rows.tags.insert if before.tagged_id is None else rows.tags.move
        put_tag(transaction, repository.id, tag, row_id)
        if before.tagged_id is not None:
            _leave_without_tags(registry, transaction, repository, before.tagged_id)
    image = ImageKey(row_id, digest)
    if is_new or gets_tag:
        event = push_event(repository.repository_name, digest, tag, manifest)
        announce(transaction, repository, event)
    if is_new:
        registry.follow_push(transaction, Push(repository, image, manifest))
        return PushResult(image, changed=True)
    # A push restores an archived image.
    if restore(registry, transaction, repository, image):
        return PushResult(image, changed=True)
    if tag is not None and gets_tag:
        registry.follow_push(transaction, Push(repository, image, manifest, new_tag=tag))
    # A push without a tag changes an image that has tags.
    changed = gets_tag if tag else bool(rows.tags.of_image(transaction, repository.id, image))
    return PushResult(image, changed)


def _check_tag(
    registry: RegistryBackend,
    view: View,
    repository: Repository,
    before: BeforePut,
    digest: str,
    tag: str,
) -> None:
    """Raise an error if an image may not get a tag."""
    if before.tagged_id is not None and repository.is_immutable(tag):
        raise registry.rules.images.refusal_of_move(digest, tag, repository)
    most = settings.quota("tags_per_image")
    if before.id is not None and rows.tags.count_of_image(view, before.id) >= most:
        raise TooManyImageTags(tag, repository, most)


def check_quota(view: View, repository: Repository) -> None:
    """Raise LimitExceededException if a repository may have no further image."""
    most = settings.quota("images_per_repository")
    if rows.images.are_as_many(view, repository.id, most):
        raise TooManyImages(repository, most)


def _check_layers(manifest: Manifest) -> None:
    """Raise InvalidParameterException for an image with too many layers. The first blob is the config."""
    if len(manifest.blobs) - 1 > settings.quota("layers_per_image"):
        raise too_many_layers()


def _replaces_placeholder(view: View, image_id: int, manifest: Manifest) -> bool:
    """Return True if a manifest replaces a placeholder that has its digest."""
    return not isinstance(manifest, Placeholder) and rows.images.is_placeholder(view, image_id)


def _leave_without_tags(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, image_id: int
) -> None:
    """Follow the loss of a tag: the image stays, or if the rules say so, it goes with its last tag."""
    if rows.tags.count_of_image(transaction, image_id) > 0:
        return
    if registry.rules.images.are_deleted_with_last_tag():
        image = rows.images.by_id(transaction, image_id)
        with suppress(ImageReferencedByManifestList):
            remove_image(registry, transaction, repository, image)


def _insert(
    transaction: Transaction, repository: Repository, manifest: Manifest, digest: str
) -> int:
    columns = _columns(transaction, repository, manifest, digest)
    row_id = rows.images.insert(transaction, columns)
    _insert_references(transaction, repository, manifest, row_id)
    return row_id


def _columns(view: View, repository: Repository, manifest: Manifest, digest: str) -> dict[str, Any]:
    """Return the columns of the row of an image that is pushed now."""
    return {
        "repository_id": repository.id,
        "digest": digest,
        "media_type": manifest.media_type,
        "artifact_type": manifest.artifact_type,
        "subject": manifest.subject,
        "size": _size(view, repository, manifest),
        "pushed_at": timestamp(),
        "status": "ACTIVE",
        "manifest": manifest.content,
        "text_digest": Digest.of(manifest.content) if isinstance(manifest, Placeholder) else None,
    }


def _insert_references(
    transaction: Transaction, repository: Repository, manifest: Manifest, row_id: int
) -> None:
    references = {
        descriptor.digest: {
            "image_id": row_id,
            "repository_id": repository.id,
            "digest": descriptor.digest,
            "kind": kind,
            "media_type": descriptor.media_type,
        }
        for kind, descriptors in (("blob", manifest.blobs), ("manifest", manifest.children))
        for descriptor in descriptors
    }
    rows.references.insert_all(transaction, list(references.values()))


def _size(view: View, repository: Repository, manifest: Manifest) -> int | None:
    """Return the size of all blobs that a manifest refers to, in bytes; for an index, the size of its largest child.

    An index without children in the repository has None, unless it lists blobs instead.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html, imageSizeInBytes
    """
    if isinstance(manifest, Placeholder):
        return manifest.size
    of_blobs = sum({blob.digest: blob.size for blob in manifest.blobs}.values())
    if not manifest.is_index:
        return of_blobs
    children = list(dict.fromkeys(child.digest for child in manifest.children))
    there = rows.images.sizes(view, repository.id, children)
    sizes = [image.size for image in there if image.size is not None]
    return max(sizes, default=of_blobs if manifest.blobs else None)
