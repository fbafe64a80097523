"""Images: manifests and their tags. The one write path for an image of either protocol, and the reads of both."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, exists, func, select

from moto_ecr_ext import settings
from moto_ecr_ext.digest import digest_of
from moto_ecr_ext.exceptions import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageNotFoundException,
    ImageReferencedByManifestList,
    ImageTagAlreadyExistsException,
    ManifestBlobUnknown,
    ReferencedImagesNotFoundException,
)
from moto_ecr_ext.storage import tables
from moto_ecr_ext.storage.queries import Query

from .base import RegistryBackend, now
from .manifests import INDEX_MEDIA_TYPES, Manifest, parse_manifest, translate
from .pages import DEFAULT_PAGE_SIZE, decode_token, encode_token, refuse_pages_of
from .repository import Repository

ImageId = Mapping[str, str]

_TAG = re.compile(r"[a-zA-Z0-9-_.]+")
_DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")

images, tags, references = tables.images, tables.tags, tables.image_references

_DETAILS = (
    images.c.id,
    images.c.digest,
    images.c.media_type,
    images.c.artifact_type,
    images.c.subject,
    images.c.size,
    images.c.pushed_at,
    images.c.last_pulled_at,
    images.c.status,
    images.c.last_archived_at,
    images.c.last_activated_at,
)
_IN_REPOSITORY = images.c.repository_id == bindparam("repository")
_any_tag = tags.alias()
_TAGGED = exists().where(_any_tag.c.image_id == images.c.id)

_BY_DIGEST = select(images.c.id).where(_IN_REPOSITORY, images.c.digest == bindparam("image"))
_BY_TAG = select(tags.c.image_id).where(
    tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag")
)
_BEFORE_PUT = Query(
    select(
        _BY_DIGEST.scalar_subquery().label("id"), _BY_TAG.scalar_subquery().label("tagged_id")
    )
)
_DETAIL_BY_DIGEST = Query(
    select(*_DETAILS).where(_IN_REPOSITORY, images.c.digest == bindparam("image"))
)
_DETAIL_BY_TAG = Query(
    select(*_DETAILS)
    .join(tags, tags.c.image_id == images.c.id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))
)
_TAGS_OF = Query(
    select(tags.c.image_id, tags.c.name)
    .where(
        tags.c.repository_id == bindparam("repository"),
        tags.c.image_id.between(bindparam("first"), bindparam("last")),
    )
    .order_by(tags.c.id)
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


@dataclass(slots=True)
class ImageDetail:
    """An image and all of its tags. The attributes are the members of ECR's `ImageDetail`."""

    registry_id: str
    repository_name: str
    image_digest: str
    image_tags: list[str] | None
    image_size_in_bytes: int
    image_pushed_at: float
    image_manifest_media_type: str
    artifact_media_type: str | None
    last_recorded_pull_time: float | None
    subject_manifest_digest: str | None
    image_status: str
    last_archived_at: float | None
    last_activated_at: float | None


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


class ImagesBackend(RegistryBackend):
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
        for moto put manifests whose layers were never uploaded.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
        """
        content = image_manifest.encode("utf-8", "surrogatepass")
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

        Raises ImageTagAlreadyExistsException for an immutable tag that names another image.
        """
        [before] = _BEFORE_PUT.all(
            transaction, {"repository": repository.id, "image": digest, "tag": tag or ""}
        )
        tag_changed = tag is not None and (
            before.tagged_id is None or before.tagged_id != before.id
        )
        if tag is not None and before.tagged_id is not None and tag_changed:
            if repository.is_immutable(tag):
                raise ImageTagAlreadyExistsException(tag, repository.repository_name)
        is_new = before.id is None
        if is_new:
            image_row_id = self._insert(transaction, repository, manifest, digest)
        else:
            image_row_id = before.id
        if tag is not None and tag_changed:
            key = {"repository": repository.id, "tag": tag, "image_id": image_row_id}
            if before.tagged_id is None:
                transaction.execute(
                    tags.insert(),
                    {"repository_id": repository.id, "name": tag, "image_id": image_row_id},
                )
            else:
                transaction.execute(_MOVE_TAG, key)
        stored = StoredImage(image_row_id, digest)
        if is_new:
            self.image_was_pushed(transaction, repository, stored, manifest)
            return PutResult(stored, changed=True)
        # Without a tag, the same again is a push of what is there only if nothing but the digest names it.
        return PutResult(stored, tag_changed if tag else bool(self._tags_of(transaction, repository, [before])))

    def image_was_pushed(
        self,
        transaction: Connection,
        repository: Repository,
        image: StoredImage,
        manifest: Manifest,
    ) -> None:
        """What follows a push of a new image; other parts of the backend add to it."""

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
            selection = self._select(transaction, repository, image_ids)
            pulled = []
            for image_id in image_ids:
                row = selection.match(image_id)
                if isinstance(row, str):
                    failures.append(_failure(image_id, row))
                    continue
                [stored] = _CONTENT.all(transaction, {"image_id": row.id})
                pulled.append(row)
                asked_tag = image_id.get("imageTag")
                for tag in [asked_tag] if asked_tag else selection.tags_of(row.id) or [None]:
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
        """Remember that these images, rows with an `id`, were pulled now."""
        self.store.pulls.add([image.id for image in images], round(now(), 3))

    def batch_delete_image(
        self,
        repository_name: str,
        image_ids: Sequence[ImageId],
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Remove tags; remove images by digest or with their last tag. A child goes only after its index.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
        """
        removed: dict[tuple[str, str | None], ImageId] = {}
        failures = []
        gone: set[int] = set()
        freed: set[str] = set()
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = self._select(transaction, repository, image_ids)
            for image_id in sorted(image_ids, key=selection.is_no_index):
                row, tag = selection.match(image_id), image_id.get("imageTag")
                if isinstance(row, str):
                    failures.append(_failure(image_id, row))
                    continue
                if row.id in gone or (row.digest, tag) in removed:
                    continue  # Named twice in one call, once by digest and once by tag.
                remaining = [
                    each
                    for each in selection.tags_of(row.id)
                    if (row.digest, each) not in removed
                ]
                leaving = [tag] if tag else remaining
                if len(leaving) < len(remaining):
                    self.remove_tag(transaction, repository, str(tag))
                else:
                    try:
                        freed |= self.remove_image(transaction, repository, row)
                    except ImageReferencedByManifestList as error:
                        failures.append(_failure(image_id, error.code, error.message))
                        continue
                    gone.add(row.id)
                for each in leaving or [None]:
                    removed[row.digest, each] = image_id_of(row.digest, each)
        self.store.release(freed)
        return {"imageIds": list(removed.values()), "failures": failures}

    def list_images(
        self,
        repository_name: str,
        registry_id: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """One entry for each tag, and one for each image without tags, in the order of push.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
        """
        count = max_results or DEFAULT_PAGE_SIZE
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            after = (
                decode_token(f"ListImages/{repository.id}", next_token, (int, int))
                if next_token
                else [0, -1]
            )
            rows = _listing(*_wanted(filter)).all(
                transaction,
                {
                    "repository": repository.id,
                    "after_image": after[0],
                    "after_tag": after[1],
                    "count": count + 1,
                },
            )
        page = rows[:count]
        more = (
            encode_token(f"ListImages/{repository.id}", [page[-1].id, page[-1].tag_id])
            if len(rows) > count
            else None
        )
        return {
            "imageIds": [image_id_of(row.digest, row.name) for row in page],
            "nextToken": more,
        }

    def describe_images(
        self,
        repository_name: str,
        registry_id: str | None = None,
        image_ids: Sequence[ImageId] | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Images in the order of push, or those named, each once, in the order asked for.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
        """
        if image_ids:
            refuse_pages_of("imageIds", next_token, max_results)
            return self._describe_named(repository_name, registry_id, image_ids)
        count = max_results or DEFAULT_PAGE_SIZE
        self.store.pulls.write()
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            after = (
                decode_token(f"DescribeImages/{repository.id}", next_token, (int,))[0]
                if next_token
                else 0
            )
            rows = _page(*_wanted(filter)).all(
                transaction,
                {
                    "repository": repository.id,
                    "after_image": after,
                    "count": count + 1,
                },
            )
            page = rows[:count]
            tags_of = self._tags_of(transaction, repository, page)
        more = (
            encode_token(f"DescribeImages/{repository.id}", [page[-1].id])
            if len(rows) > count
            else None
        )
        return {
            "imageDetails": [_detail(repository, row, tags_of.get(row.id)) for row in page],
            "nextToken": more,
        }

    def _describe_named(
        self, repository_name: str, registry_id: str | None, image_ids: Sequence[ImageId]
    ) -> dict[str, Any]:
        details: dict[int, ImageDetail] = {}
        self.store.pulls.write()
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            selection = self._select(transaction, repository, image_ids)
        for image_id in image_ids:
            row = selection.get(image_id)
            details[row.id] = _detail(repository, row, selection.tags_of(row.id) or None)
        return {"imageDetails": list(details.values())}

    def find_image(
        self, transaction: Connection, repository: Repository, image_id: ImageId
    ) -> Row[Any]:
        """The row of one image. Raises ImageNotFoundException."""
        return self._select(transaction, repository, [image_id]).get(image_id)

    def _select(
        self, transaction: Connection, repository: Repository, image_ids: Sequence[ImageId]
    ) -> Selection:
        rows: dict[int, Any] = {}
        for image_id in image_ids:
            for query, name, member in (
                (_DETAIL_BY_DIGEST, "image", "imageDigest"),
                (_DETAIL_BY_TAG, "tag", "imageTag"),
            ):
                if member in image_id:
                    key = {"repository": repository.id, name: image_id[member]}
                    rows.update((row.id, row) for row in query.all(transaction, key))
        tags_of: dict[int, list[str]] = {}
        for row in rows.values():
            tags_of.update(self._tags_of(transaction, repository, [row]))
        return Selection(repository, list(rows.values()), tags_of)

    def _tags_of(
        self, transaction: Connection, repository: Repository, rows: Sequence[Any]
    ) -> dict[int, list[str]]:
        """The tags of images that follow one another in the order of push, each in the order it was given."""
        found: dict[int, list[str]] = {}
        if rows:
            between = {"repository": repository.id, "first": rows[0].id, "last": rows[-1].id}
            for image_row_id, name in _TAGS_OF.all(transaction, between):
                found.setdefault(image_row_id, []).append(name)
        return found

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

    def _size(self, transaction: Connection, repository: Repository, manifest: Manifest) -> int:
        """Bytes of all that the manifest refers to; of an index, those of its largest image.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html, imageSizeInBytes
        """
        if not manifest.is_index:
            return sum({blob.digest: blob.size for blob in manifest.blobs}.values())
        sizes = {child.digest: child.size for child in manifest.children}
        for row in transaction.execute(
            _HELD_IMAGES, {"repository": repository.id, "digests": list(sizes)}
        ):
            sizes[row.digest] = row.size
        return max(sizes.values(), default=0)

    def remove_tag(self, transaction: Connection, repository: Repository, tag: str) -> None:
        """Take a tag from its image, which stays."""
        transaction.execute(_DELETE_TAG, {"repository": repository.id, "tag": tag})

    def remove_image(
        self, transaction: Connection, repository: Repository, image: Row[Any]
    ) -> set[str]:
        """Delete an image, its tags, and the membership of blobs that no other image of the repository refers to.

        Gives the digests of those blobs, whose bytes are to be released after the transaction. Raises
        ImageReferencedByManifestList for a child of an index that is still there.
        """
        parents = transaction.execute(
            _PARENTS, {"repository": repository.id, "child": image.digest}
        ).scalars()
        if listed := list(parents):
            raise ImageReferencedByManifestList(listed)
        blobs = transaction.execute(_BLOBS_OF, {"image_id": image.id}).scalars().all()
        transaction.execute(_DELETE_IMAGE, {"image_id": image.id})
        return {
            digest
            for digest in blobs
            if transaction.execute(
                _UNREFERENCED, {"repository": repository.id, "blob": digest}
            ).rowcount
        }


class Selection:
    """The images of a repository that a list of image identifiers names, and their tags."""

    def __init__(
        self, repository: Repository, rows: Sequence[Row[Any]], tags_of: dict[int, list[str]]
    ):
        self._repository = repository
        self._by_digest = {row.digest: row for row in rows}
        self._tags = tags_of
        by_id = {row.id: row for row in rows}
        self._by_tag = {
            tag: by_id[image_row_id] for image_row_id, names in tags_of.items() for tag in names
        }

    def tags_of(self, image_row_id: int) -> list[str]:
        return self._tags.get(image_row_id, [])

    def match(self, image_id: ImageId) -> Row[Any] | str:
        """The row of the image, or the failure code why there is none.

        A tag that is not there comes before a tag that is on another image.
        """
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if not digest and not tag:
            return "MissingDigestAndTag"
        if digest and not _DIGEST.fullmatch(digest):
            return "InvalidImageDigest"
        if tag and not _TAG.fullmatch(tag):
            return "InvalidImageTag"
        row = self._by_tag.get(tag) if tag else self._by_digest.get(str(digest))
        if row is None:
            return "ImageNotFound"
        if digest and row.digest != digest:
            return "ImageTagDoesNotMatchDigest"
        return row

    def get(self, image_id: ImageId) -> Row[Any]:
        """The row of the image. Raises ImageNotFoundException whatever is wrong with the identifier."""
        match = self.match(image_id)
        if isinstance(match, str):
            raise ImageNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                self._repository.repository_name,
                self._repository.registry_id,
            )
        return match

    def is_no_index(self, image_id: ImageId) -> bool:
        """Sorts the lists and indexes among identifiers first, so that their children can go in the same call."""
        match = self.match(image_id)
        return isinstance(match, str) or match.media_type not in INDEX_MEDIA_TYPES


_FAILURE_REASONS = {
    "ImageNotFound": "Requested image not found",
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: image digest should satisfy the regex "
    "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
    "InvalidImageTag": "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'",
    "ImageTagDoesNotMatchDigest": "Invalid request parameters: given tag does not map to the given digest",
}


def _failure(image_id: ImageId, code: str, reason: str | None = None) -> dict[str, Any]:
    return {
        "imageId": {
            key: value for key, value in image_id.items() if key in ("imageDigest", "imageTag")
        },
        "failureCode": code,
        "failureReason": reason or _FAILURE_REASONS[code],
    }


def image_id_of(digest: str, tag: str | None) -> dict[str, str]:
    """An image identifier on the wire."""
    return {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}


def _detail(repository: Repository, row: Row[Any], tag_names: list[str] | None) -> ImageDetail:
    return ImageDetail(
        repository.registry_id,
        repository.repository_name,
        row.digest,
        tag_names,
        row.size,
        row.pushed_at,
        row.media_type,
        row.artifact_type,
        row.last_pulled_at,
        row.subject,
        row.status,
        row.last_archived_at,
        row.last_activated_at,
    )


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


@cache
def _page(tag_status: str, image_status: str) -> Query:
    """One page of images: `count` of them behind `after_image`, of the tag and image status that a filter names."""
    return _filtered(
        select(*_DETAILS)
        .where(_IN_REPOSITORY, images.c.id > bindparam("after_image"))
        .order_by(images.c.id)
        .limit(bindparam("count")),
        tag_status,
        image_status,
    )


@cache
def _listing(tag_status: str, image_status: str) -> Query:
    """One page of image identifiers: `count` of them behind tag `after_tag` of image `after_image`."""
    tag = func.coalesce(tags.c.id, 0)
    return _filtered(
        select(images.c.id, images.c.digest, tag.label("tag_id"), tags.c.name)
        .outerjoin(tags, tags.c.image_id == images.c.id)
        .where(
            _IN_REPOSITORY,
            images.c.id >= bindparam("after_image"),
            (images.c.id > bindparam("after_image")) | (tag > bindparam("after_tag")),
        )
        .order_by(images.c.id, tag)
        .limit(bindparam("count")),
        tag_status,
        image_status,
    )


def _filtered(statement: Select[Any], tag_status: str, image_status: str) -> Query:
    if tag_status != "ANY":
        statement = statement.where(_TAGGED if tag_status == "TAGGED" else ~_TAGGED)
    if image_status != "ANY":
        statement = statement.where(images.c.status == image_status)
    return Query(statement)


def _wanted(filter: Mapping[str, str] | None) -> tuple[str, str]:
    """Tag status and image status that a filter asks for: by default any tag status, and active images only."""
    filter = filter or {}
    return filter.get("tagStatus", "ANY"), filter.get("imageStatus", "ACTIVE")
