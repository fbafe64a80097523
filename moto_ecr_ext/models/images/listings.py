"""Lists of images: all of a repository in pages, or those that are named, in full or as identifiers or tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import InvalidContinuationToken, InvalidParameterException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import (
    DEFAULT_PAGE_SIZE,
    decode_token,
    encode_token,
    refuse_pages_of,
)
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.models.scanning.summaries import scan_summaries
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import ImageRow

from .identifiers import ImageId, Selection, image_id_of
from .storage_class import see_activations_again


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
        count = max_results or DEFAULT_PAGE_SIZE
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"ListImages/{repository.id}"
            image, tag = _position(listing, next_token, (int, int)) or [0, -1]
            found = rows.images.page_by_tag(
                view, repository.id, *_wanted(filter), after=(image, tag), count=count + 1
            )
        page = found[:count]
        more = len(found) > count
        return {
            "imageIds": [image_id_of(row.digest, row.name) for row in page],
            "nextToken": encode_token(listing, [page[-1].id, page[-1].tag_id]) if more else None,
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
        see_activations_again(self, repository_name, registry_id)
        self.store.pulls.try_to_write()
        if image_ids:
            return self._describe_named(repository_name, registry_id, image_ids)
        count = max_results or DEFAULT_PAGE_SIZE
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            listing = f"DescribeImages/{repository.id}"
            [after] = _position(listing, next_token, (int,)) or [0]
            found = rows.images.page(
                view, repository.id, *_wanted(filter), after=after, count=count + 1
            )
            page = found[:count]
            tags = rows.tags.of_images(view, repository.id, page)
            details = self._details(view, repository, page, tags)
        more = len(found) > count
        return {
            "imageDetails": list(details.values()),
            "nextToken": encode_token(listing, [page[-1].id]) if more else None,
        }

    def _describe_named(
        self, repository_name: str, registry_id: str | None, image_ids: Sequence[ImageId]
    ) -> dict[str, Any]:
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            selection = Selection(view, repository, image_ids)
            named = {row.id: row for row in map(selection.get, image_ids)}
            tags = {row_id: selection.tags_of(row_id) for row_id in named}
            in_order_of_push = [named[row_id] for row_id in sorted(named)]
            details = self._details(view, repository, in_order_of_push, tags)
        return {"imageDetails": [details[row_id] for row_id in named]}

    def _details(
        self,
        view: View,
        repository: Repository,
        images: Sequence[ImageRow],
        tags: Mapping[int, list[str]],
    ) -> dict[int, ImageDetail]:
        """Return the details of images in the order of push, by their rows."""
        details = {row.id: _detail(repository, row, tags.get(row.id)) for row in images}
        for row_id, scan in scan_summaries(self, view, repository, images, tags).items():
            details[row_id].image_scan_status = scan.status
            details[row_id].image_scan_findings_summary = scan.findings_summary
        return details

    def all_images(self, repository_name: str) -> list[ImageDetail]:
        """Return every image of a repository, in the order of push. Raises RepositoryNotFoundException."""
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name)
            images = rows.images.of_repository(view, repository.id)
            tags = rows.tags.of_images(view, repository.id, images)
            details = self._details(view, repository, images, tags)
        return [details[row.id] for row in images]

    def list_tags(
        self, repository_name: str, after: str, count: int, registry_id: str | None = None
    ) -> list[str]:
        """Return at most `count` tags behind `after`, in lexical order."""
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name, registry_id)
            return rows.tags.page(view, repository.id, after, count)


def _position(listing: str, token: str | None, kinds: tuple[type[int], ...]) -> list[int] | None:
    """Return where a listing of images goes on; None for its beginning. Raises InvalidContinuationToken."""
    try:
        return decode_token(listing, token, kinds)
    except InvalidParameterException:
        raise InvalidContinuationToken from None


def _detail(repository: Repository, row: ImageRow, tags: list[str] | None) -> ImageDetail:
    return ImageDetail(
        registry_id=repository.registry_id,
        repository_name=repository.repository_name,
        image_digest=row.digest,
        image_tags=tags or None,
        image_size_in_bytes=row.size,
        image_pushed_at=row.pushed_at,
        image_manifest_media_type=row.media_type,
        artifact_media_type=row.artifact_type,
        last_recorded_pull_time=row.last_pulled_at,
        subject_manifest_digest=row.subject,
        image_status=row.status,
        last_archived_at=row.last_archived_at,
        last_activated_at=row.last_activated_at,
    )


def _wanted(filter: Mapping[str, str] | None) -> tuple[str, str]:
    """Return the tag status and image status that a filter asks for: by default any tag status, and active images."""
    filter = filter or {}
    return filter.get("tagStatus", "ANY"), filter.get("imageStatus", "ACTIVE")
