"""Lists of images: all of a repository in pages, or named ones; as details, identifiers or tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidContinuationToken, UnknownPage
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.identifiers import ImageId, Selection, image_id_of
from moto_ecr_ext.models.images.storage_class import count_description_of_activations
from moto_ecr_ext.models.paging import (
    cut_page,
    decode_token,
    encode_token,
    page_size,
    refuse_pages_of,
)
from moto_ecr_ext.models.pull_through.cache import await_members
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.scanning.summaries import scan_summaries
from moto_ecr_ext.oci.media_types import INDEX_TYPES
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.pulls import WaitingPulls
from moto_ecr_ext.storage.rows.images import ImageRow

# The list of tags, in continuation tokens.
_TAGS = "tags"


@dataclass(slots=True)
class ImageDetail:
    """An image and all of its tags. The attributes are the members of ECR's `ImageDetail`."""

    registry_id: str
    repository_name: str
    image_digest: str
    image_tags: list[str] | None
    image_size_in_bytes: int | None
    image_pushed_at: float
    image_manifest_media_type: str
    artifact_media_type: str | None
    last_recorded_pull_time: float | None
    subject_manifest_digest: str | None
    image_status: str
    last_archived_at: float | None
    last_activated_at: float | None
    image_scan_status: Mapping[str, str] | None = None
    image_scan_findings_summary: Mapping[str, Any] | None = None


class ListingsBackend(RegistryBackend):
    """Operations that list images, and the list of tags of the registry protocol."""

    def list_images(
        self,
        repository_name: str,
        registry_id: str | None = None,
        next_token: str | None = None,
        max_results: int | None = None,
        filter: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Return one entry for each tag, and one for each image without tags, in the order of push.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImages.html
        """
        count = page_size(max_results)
        await_members(self, repository_name, registry_id)
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"ListImages/{repository.id}"
            image, tag = _position(listing, next_token, (int, int)) or [0, -1]
            found = rows.images.page_by_tag(
                view, repository.id, *_wanted(filter), after=(image, tag), count=count + 1
            )
        page, token = cut_page(listing, found, max_results, lambda row: [row.id, row.tag_id])
        return {
            "imageIds": [image_id_of(row.digest, row.name) for row in page],
            "nextToken": token,
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
        """Return images in the order of push, or those named, each once, in the order asked for.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
        """
        if image_ids:
            refuse_pages_of("imageIds", next_token, max_results)
        await_members(self, repository_name, registry_id)
        count_description_of_activations(self, repository_name, registry_id)
        waiting = self.store.pulls.waiting()
        if image_ids:
            return self._describe_named(repository_name, registry_id, image_ids, waiting)
        count = page_size(max_results)
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"DescribeImages/{repository.id}"
            [after] = _position(listing, next_token, (int,)) or [0]
            wanted = (view, repository.id, *_wanted(filter), after)
            found = rows.images.page(*wanted, count=count + 1)
            page, token = cut_page(listing, found, max_results, lambda row: [row.id])
            tags = rows.tags.of_page(*wanted, count=count)
            details = self._details(view, repository, page, tags, waiting)
        return {
            "imageDetails": list(details.values()),
            "nextToken": token,
        }

    def _describe_named(
        self,
        repository_name: str,
        registry_id: str | None,
        image_ids: Sequence[ImageId],
        waiting: WaitingPulls,
    ) -> dict[str, Any]:
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            selection = Selection(view, repository, image_ids)
            named = {row.id: row for row in map(selection.get, image_ids)}
            tags = {row_id: selection.tags_of(row_id) for row_id in named}
            in_order_of_push = [named[row_id] for row_id in sorted(named)]
            details = self._details(view, repository, in_order_of_push, tags, waiting)
        return {"imageDetails": [details[row_id] for row_id in named]}

    def _details(
        self,
        view: View,
        repository: Repository,
        images: Sequence[ImageRow],
        tags: Mapping[int, list[str]],
        waiting: WaitingPulls,
    ) -> dict[int, ImageDetail]:
        """Return the details of images in the order of push, by their rows."""
        pulled_at = waiting.of_registry(view, repository.registry_id, self.region_name)
        details = {
            row.id: _detail(
                repository, row, tags.get(row.id), pulled_at.get(row.id, row.last_pulled_at)
            )
            for row in images
        }
        indexes = [
            row.id for row in images if row.size is not None and row.media_type in INDEX_TYPES
        ]
        if indexes and not self.rules.images.show_size_of_index():
            for row_id in indexes:
                details[row_id].image_size_in_bytes = None
        for row_id, scan in scan_summaries(self, view, repository, images, tags).items():
            details[row_id].image_scan_status = scan.status
            details[row_id].image_scan_findings_summary = scan.findings_summary
        return details

    def all_images(self, repository_name: str) -> list[ImageDetail]:
        """Return every image of a repository, in the order of push. Raises RepositoryNotFoundException."""
        waiting = self.store.pulls.waiting()
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name)
            images = rows.images.of_repository(view, repository.id)
            tags = rows.tags.of_images(view, repository.id, images)
            details = self._details(view, repository, images, tags, waiting)
        return [details[row.id] for row in images]

    def list_tags(
        self, repository_name: str, after: str, count: int, registry_id: str | None = None
    ) -> list[str]:
        """Return at most `count` tags after `after`, in lexical order."""
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            return rows.tags.page(view, repository.id, after, count)

    def list_tags_by_digest(
        self, repository_name: str, token: str | None, count: int, registry_id: str | None = None
    ) -> dict[str, str]:
        """Return at most `count` tags in the order of the digests of their images, with the token that follows each.

        Raises UnknownPage for a token of another list.
        """
        after, after_tag = decode_token(_TAGS, token, (str, int)) or ("", 0)
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            found = rows.tags.page_by_digest(view, repository.id, after, after_tag, count)
        return {each.name: encode_token(_TAGS, [each.digest, each.id]) for each in found}


def _position(listing: str, token: str | None, kinds: tuple[type[int], ...]) -> list[int] | None:
    """Return the row at which a listing of images continues, or None for its start. Raises InvalidContinuationToken."""
    try:
        return decode_token(listing, token, kinds)
    except UnknownPage:
        raise InvalidContinuationToken from None


def _detail(
    repository: Repository, row: ImageRow, tags: list[str] | None, pulled_at: float | None
) -> ImageDetail:
    return ImageDetail(
        registry_id=repository.registry_id,
        repository_name=repository.repository_name,
        image_digest=row.digest,
        image_tags=tags or None,
        image_size_in_bytes=row.size,
        image_pushed_at=row.pushed_at,
        image_manifest_media_type=row.media_type,
        artifact_media_type=row.artifact_type,
        last_recorded_pull_time=pulled_at,
        subject_manifest_digest=row.subject,
        image_status=row.status,
        last_archived_at=row.last_archived_at,
        last_activated_at=row.last_activated_at,
    )


def _wanted(filter: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the tag status and the image status of a filter. The default is any tag status, and active images."""
    filter = filter or {}
    return filter.get("tagStatus", "ANY"), filter.get("imageStatus", "ACTIVE")
