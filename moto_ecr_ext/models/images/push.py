"""Pushing images: the one write path for a manifest and its tag, whichever protocol brings them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

from moto_ecr_ext import settings
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.compatibility import (
    IMMUTABLE_TAG_ERRORS,
    LAST_TAG_DELETES_IMAGE,
    MISSING_LAYERS,
    REPEATED_UNTAGGED_PUSHES,
)
from moto_ecr_ext.exceptions import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    InvalidManifest,
    ManifestBlobUnknown,
    ReferencedImagesNotFoundException,
    TooManyImages,
    TooManyImageTags,
)
from moto_ecr_ext.exceptions.registry_protocol import ImageReferencedByManifestList
from moto_ecr_ext.models.acts import Push
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.events import announce, push_event
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import BeforePut, ImageKey

from .by_reference import Condition, unconditionally
from .deletion import remove_image
from .ecr_schema import check_ecr_schema, check_media_types
from .identifiers import NO_TAG, image_id_of
from .placeholders import Placeholder, read_image
from .storage_class import restore

log = logging.getLogger("moto_ecr_ext")


@dataclass(slots=True)
class Image:
    """A manifest under one of its tags, or under none. The attributes are the members of ECR's `Image`."""

    registry_id: str
    repository_name: str
    image_id: dict[str, str]
    image_manifest: str
    image_manifest_media_type: str


@dataclass(frozen=True, slots=True)
class PushResult:
    """What a push did. `changed` is False when the image was there before under this tag, or without any."""

    image: ImageKey
    changed: bool


@dataclass(frozen=True, slots=True)
class IncomingManifest:
    """A manifest as a client of the registry protocol sends it.

    It is to be stored under the first of `digests`, which are all said to be its, or else under its sha256; and to get
    all of `tags` or none. `reference` is what the request names.
    """

    reference: Reference
    content: bytes
    media_type: str | None
    digests: Sequence[Digest] = ()
    tags: Sequence[Tag] = ()
    condition: Condition = unconditionally


class PushRules(Protocol):
    """What a push by the registry protocol is held to beside the OCI specification. Each method raises an ECRError."""

    def check_manifest(self, manifest: Manifest) -> None:
        """Refuse a manifest that the specification allows."""

    def check_repeated_push(self, repository: Repository, tag: str) -> None:
        """Refuse to push an image again under a tag that it has."""


@dataclass(frozen=True, slots=True)
class PushedManifest:
    """A manifest that a client pushed: its digest, and the digest of its subject if it has one."""

    digest: str
    subject: str | None


class PushBackend(RegistryBackend):
    """PutImage, and the same over the registry protocol."""

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

        Unless the setting `verify_layers` is on, the layers and images that it names need not be there, and it need not
        fit all of ECR's own schema: suites written for moto put manifests whose layers were never uploaded. What is no
        manifest, and moto accepts, is a placeholder if a leniency says so.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
        """
        content = image_manifest.encode()
        with self.store.database.write() as transaction:
            repository = self.repository_anywhere(transaction, repository_name, registry_id)
            verifies = not MISSING_LAYERS.is_on
            check = check_ecr_schema if verifies else check_media_types
            with _logging_refusals(repository):
                manifest, digest = read_image(
                    transaction, repository, content, image_manifest_media_type, image_digest, check
                )
            if verifies:
                _check_uploaded(transaction, repository, manifest)
            result = store_manifest(self, transaction, repository, manifest, digest, image_tag)
            if not result.changed and not _may_be_repeated(image_tag):
                raise ImageAlreadyExistsException(digest, image_tag, repository)
        return {
            "image": Image(
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
        """Push a manifest under its digest and its tags. The same again changes nothing.

        All that it refers to must be there. Raises what PutImage raises, but ImageAlreadyExistsException.
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
                incoming.condition(found.image.digest if found else None)
            for tag in incoming.tags or NO_TAG:
                result = store_manifest(self, transaction, repository, manifest, digest, tag)
                if tag is not None and not result.changed:
                    rules.check_repeated_push(repository, tag)
        return PushedManifest(digest, manifest.subject)


def _may_be_repeated(tag: str | None) -> bool:
    """Return whether the same image again, with the same tag or none, is no error."""
    return tag is None and REPEATED_UNTAGGED_PUSHES.applies("the same image again, without a tag")


def _read_manifest(
    content: bytes,
    media_type: str | None,
    repository: Repository,
    check: Callable[[Manifest], None],
) -> Manifest:
    """Return a manifest that is pushed, once `check` lets it pass."""
    with _logging_refusals(repository):
        manifest = parse_manifest(content, media_type)
        check(manifest)
    return manifest


@contextmanager
def _logging_refusals(repository: Repository) -> Iterator[None]:
    """Log why a manifest is refused in this block: the answer of ECR does not say it."""
    try:
        yield
    except InvalidManifest as error:
        log.warning(
            "Push to %s refused: the manifest%s %s",
            repository.repository_name,
            f"'s member {error.member}" if error.member else "",
            error.reason,
        )
        raise


def _check_uploaded(view: View, repository: Repository, manifest: Manifest) -> None:
    """Check the references of what PutImage brings, which moto does not."""
    try:
        _check_references(view, repository, manifest)
    except (ManifestBlobUnknown, ReferencedImagesNotFoundException):
        MISSING_LAYERS.notice("an image without its layers")
        raise


def _check_digest(claimed: str | None, digest: Digest, repository: Repository) -> None:
    """Raise ImageDigestDoesNotMatchException for a manifest that was said to have another digest."""
    if claimed is not None and claimed != digest:
        raise ImageDigestDoesNotMatchException(claimed, repository)


def _check_references(view: View, repository: Repository, manifest: Manifest) -> None:
    """Raise ManifestBlobUnknown or ReferencedImagesNotFoundException for what the repository does not hold."""
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
    """Store an image and its tag, as the repository's mutability allows, and do what follows a push.

    `registry` is the one that acts, not always the repository's own. Raises ImageTagAlreadyExistsException for an
    immutable tag that names another image, and LimitExceededException for an image or a tag too many.
    """
    before = rows.images.before_put(transaction, repository.id, digest, tag or "")
    gets_tag = tag is not None and (before.tagged_id is None or before.tagged_id != before.id)
    if tag is not None and gets_tag:
        _check_tag(transaction, repository, before, digest, tag)
    row_id = before.id
    is_new = row_id is None
    if row_id is None:
        check_quota(transaction, repository)
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
    # A push brings an archived image back.
    if restore(registry, transaction, repository, image):
        return PushResult(image, changed=True)
    if tag is not None and gets_tag:
        registry.follow_push(transaction, Push(repository, image, manifest, new_tag=tag))
    # Without a tag, it is the same again only where the image has none.
    changed = gets_tag if tag else bool(rows.tags.of_image(transaction, repository.id, image))
    return PushResult(image, changed)


def _check_tag(
    view: View, repository: Repository, before: BeforePut, digest: str, tag: str
) -> None:
    """Raise if an image may not get a tag."""
    if before.tagged_id is not None and repository.is_immutable(tag):
        if IMMUTABLE_TAG_ERRORS.applies(f"the tag {tag}"):
            raise ImageAlreadyExistsException(digest, tag, repository)
        raise ImageTagAlreadyExistsException(tag, repository.repository_name)
    most = settings.quota("tags_per_image")
    if before.id is not None and rows.tags.count_of_image(view, before.id) >= most:
        raise TooManyImageTags(tag, repository, most)


def check_quota(view: View, repository: Repository) -> None:
    """Raise LimitExceededException if a repository can have no further image."""
    most = settings.quota("images_per_repository")
    if rows.images.are_as_many(view, repository.id, most):
        raise TooManyImages(repository, most)


def _replaces_placeholder(view: View, image_id: int, manifest: Manifest) -> bool:
    """Return whether a manifest comes to an image that has had its digest without being it."""
    return not isinstance(manifest, Placeholder) and rows.images.is_placeholder(view, image_id)


def _leave_without_tags(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, image_id: int
) -> None:
    """Delete an image that has lost its last tag, as moto does, unless an index needs it."""
    if rows.tags.count_of_image(transaction, image_id) > 0:
        return
    if LAST_TAG_DELETES_IMAGE.applies("an image that has lost its last tag"):
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
    """Return the row of an image that is pushed now."""
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
    """Return the bytes of all that a manifest refers to; of an index, those of its largest image that is there.

    None for an index of which no image is there, unless it lists blobs instead.

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
