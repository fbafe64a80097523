"""Images by their identifiers: digests, tags, or both, as operations on several images name them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, select

from moto_ecr_ext.exceptions import ImageNotFoundException
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, is_api_digest
from moto_ecr_ext.oci.reference import TAG_PATTERN, is_tag
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.rows import tables

ImageId = Mapping[str, str]

images, tags = tables.images, tables.tags

# The columns of an image beside its manifest.
DETAILS = (
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
# An image comes once for each of its tags; once, with None as the name, where it has none.
_tag_of_image = tags.alias()
_BY_DIGEST = Query(
    select(*DETAILS, _tag_of_image.c.name)
    .outerjoin(_tag_of_image, _tag_of_image.c.image_id == images.c.id)
    .where(images.c.repository_id == bindparam("repository"), images.c.digest == bindparam("image"))
    .order_by(_tag_of_image.c.id)
)
_BY_TAG = Query(
    select(*DETAILS, _tag_of_image.c.name)
    .join(tags, tags.c.image_id == images.c.id)
    .join(_tag_of_image, _tag_of_image.c.image_id == images.c.id)
    .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))
    .order_by(_tag_of_image.c.id)
)
_TAGS_OF = Query(
    select(tags.c.image_id, tags.c.name)
    .where(
        tags.c.repository_id == bindparam("repository"),
        tags.c.image_id.between(bindparam("first"), bindparam("last")),
    )
    .order_by(tags.c.id)
)


class Selection:
    """The images of a repository that a list of image identifiers names, and their tags."""

    def __init__(
        self, transaction: Connection, repository: Repository, image_ids: Sequence[ImageId]
    ):
        self._repository = repository
        self._by_digest: dict[str, Any] = {}
        self._by_tag: dict[str, Any] = {}
        self._tags: dict[int, list[str]] = {}
        for image_id in image_ids:
            if not failure_of(image_id):
                self._look_up(transaction, image_id)

    def _look_up(self, transaction: Connection, image_id: ImageId) -> None:
        if (
            image_id.get("imageTag") in self._by_tag
            or image_id.get("imageDigest") in self._by_digest
        ):
            return
        if "imageTag" in image_id:
            key = {"repository": self._repository.id, "tag": image_id["imageTag"]}
            rows = _BY_TAG.all(transaction, key)
        else:
            key = {"repository": self._repository.id, "image": image_id["imageDigest"]}
            rows = _BY_DIGEST.all(transaction, key)
        if rows and rows[0].id not in self._tags:
            row = rows[0]
            names = self._tags[row.id] = [each.name for each in rows if each.name is not None]
            self._by_digest[row.digest] = row
            self._by_tag.update(dict.fromkeys(names, row))

    def tags_of(self, image_row_id: int) -> list[str]:
        """The tags of an image of this selection, in the order in which it got them."""
        return self._tags[image_row_id]

    def match(self, image_id: ImageId) -> Any | str:
        """The row of the image, or the failure code why there is none.

        A tag that is not there comes before a tag that is on another image.
        """
        failure = failure_of(image_id)
        if failure:
            return failure
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        row = self._by_tag.get(tag) if tag else self._by_digest.get(str(digest))
        if row is None:
            return "ImageNotFound"
        if digest and row.digest != digest:
            return "ImageTagDoesNotMatchDigest"
        return row

    def get(self, image_id: ImageId) -> Any:
        """The row of the image. Raises ImageNotFoundException whatever is wrong with the identifier."""
        match = self.match(image_id)
        if isinstance(match, str):
            raise ImageNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                self._repository,
            )
        return match


def failure_of(image_id: ImageId) -> str | None:
    """The failure code of an identifier that can name no image; None where it can."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if not digest and not tag:
        return "MissingDigestAndTag"
    if digest and not is_api_digest(digest):
        return "InvalidImageDigest"
    if tag and not is_tag(tag):
        return "InvalidImageTag"
    return None


def tags_of(
    transaction: Connection, repository: Repository, rows: Sequence[Any]
) -> dict[int, list[str]]:
    """The tags of images that follow one another in the order of push, each in the order it was given."""
    found: dict[int, list[str]] = {}
    if rows:
        between = {"repository": repository.id, "first": rows[0].id, "last": rows[-1].id}
        for image_row_id, name in _TAGS_OF.all(transaction, between):
            found.setdefault(image_row_id, []).append(name)
    return found


_REASONS = {
    "ImageNotFound": "Requested image not found",
    "MissingDigestAndTag": "Invalid request parameters: both tag and digest cannot be null",
    "InvalidImageDigest": "Invalid request parameters: "
    f"image digest should satisfy the regex '{API_DIGEST_PATTERN}'",
    "InvalidImageTag": "Invalid request parameters: "
    f"image tag should satisfy the regex '{TAG_PATTERN}'",
    "ImageTagDoesNotMatchDigest": "Invalid request parameters: "
    "given tag does not map to the given digest",
    "ImageInaccessible": "Requested image is archived or is being restored",
}


def failure_entry(image_id: ImageId, code: str, reason: str | None = None) -> dict[str, Any]:
    """How an operation on several images tells that one of them failed."""
    return {
        "imageId": dict(image_id),
        "failureCode": code,
        "failureReason": reason or _REASONS[code],
    }


def image_id_of(digest: str, tag: str | None) -> dict[str, str]:
    """An image identifier on the wire."""
    return {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}
