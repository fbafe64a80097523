"""Image identifiers of the API: a digest, a tag or both. Look them up, and report the failures of single ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from moto_ecr_ext import faults
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import ImageNotFoundException
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, is_api_digest
from moto_ecr_ext.oci.reference import TAG_PATTERN, is_tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import ImageRow, TaggedImage

ImageId = Mapping[str, str]

# The tags of an untagged image in a response, which names it once, without a tag.
NO_TAG = (None,)


class Selection:
    """The images of a repository that a list of image identifiers names, and their tags."""

    def __init__(self, view: View, repository: Repository, image_ids: Sequence[ImageId]):
        self._repository = repository
        self._by_digest: dict[str, ImageRow] = {}
        self._by_tag: dict[str, ImageRow] = {}
        self._tags: dict[int, list[str]] = {}
        for image_id in image_ids:
            if failure_of(image_id) != "MissingDigestAndTag":
                self._look_up(view, image_id)

    def _look_up(self, view: View, image_id: ImageId) -> None:
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        if tag in self._by_tag or digest in self._by_digest:
            return
        if "\0" in (tag or digest or ""):
            # No image has such a tag, and PostgreSQL does not accept the text.
            return
        found: TaggedImage | None = None
        if tag is not None:
            found = rows.images.by_tag(view, self._repository.id, tag)
        elif digest is not None:
            found = rows.images.by_digest(view, self._repository.id, digest)
        if found is None or (faults.active and self._repository.hides(found.image.digest)):
            return
        if found.image.id not in self._tags:
            self._tags[found.image.id] = found.tags
            self._by_digest[found.image.digest] = found.image
            self._by_tag.update(dict.fromkeys(found.tags, found.image))

    @property
    def digests(self) -> list[str]:
        """The digests of the images."""
        return list(self._by_digest)

    def tags_of(self, image_row_id: int) -> list[str]:
        """Return the tags of an image of this selection, in the order in which it got them."""
        return self._tags[image_row_id]

    def match(self, image_id: ImageId) -> ImageRow | str:
        """Return the image, or the failure code of the identifier.

        ImageNotFound takes precedence over ImageTagDoesNotMatchDigest.
        """
        match = self._match(image_id)
        if match == "InvalidImageTag":
            return current_rules().images.failure_of_malformed_tag(image_id["imageTag"])
        return match

    def _match(self, image_id: ImageId) -> ImageRow | str:
        failure = failure_of(image_id)
        digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
        row = self._by_tag.get(tag) if tag else self._by_digest.get(str(digest))
        # The digest of a placeholder may be any text, and so may a tag that moto accepts.
        is_named = row is not None and (failure == "InvalidImageTag" or row.digest == digest)
        if failure and not is_named:
            return failure
        if row is None:
            return "ImageNotFound"
        if digest and row.digest != digest:
            return "ImageTagDoesNotMatchDigest"
        return row

    def get(self, image_id: ImageId) -> ImageRow:
        """Return the image. Raises ImageNotFoundException for any failure."""
        match = self._match(image_id)
        if isinstance(match, str):
            raise ImageNotFoundException(
                image_id.get("imageDigest"),
                image_id.get("imageTag"),
                self._repository,
            )
        return match


def failure_of(image_id: ImageId) -> str | None:
    """Return the failure code of an identifier that cannot name an image; None if it can."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if not digest and not tag:
        return "MissingDigestAndTag"
    if digest and not is_api_digest(digest):
        return "InvalidImageDigest"
    if tag and not is_tag(tag):
        return "InvalidImageTag"
    return None


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
    """Return the failure of one identifier, as operations on several images report it."""
    return {
        "imageId": dict(image_id),
        "failureCode": code,
        "failureReason": reason or _REASONS[code],
    }


def image_id_of(digest: str, tag: str | None) -> dict[str, str]:
    """Return an image identifier in the form of the API."""
    return {"imageDigest": digest, "imageTag": tag} if tag else {"imageDigest": digest}
