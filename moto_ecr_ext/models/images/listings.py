"""Lists of images: all of a repository in pages, or those that are named, in full or as identifiers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, exists, func, select

from moto_ecr_ext.exceptions import InvalidContinuationToken, InvalidParameterException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import (
    DEFAULT_PAGE_SIZE,
    decode_token,
    encode_token,
    refuse_pages_of,
)
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage.database.untyped import Query
from moto_ecr_ext.storage.rows import tables

from .identifiers import (
    DETAILS,
    ImageId,
    Selection,
    image_id_of,
    tags_of,
)

images, tags = tables.images, tables.tags

_IN_REPOSITORY = images.c.repository_id == bindparam("repository")
_any_tag = tags.alias()
_TAGGED = exists().where(_any_tag.c.image_id == images.c.id)


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
    """Operations that list images."""

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
            repository = self.repository(transaction, repository_name, registry_id)
            after = _position(f"ListImages/{repository.id}", next_token, (int, int)) or [0, -1]
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
        self.store.pulls.try_to_write()
        with self.store.database.read() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            [after] = _position(f"DescribeImages/{repository.id}", next_token, (int,)) or [0]
            rows = _page(*_wanted(filter)).all(
                transaction,
                {
                    "repository": repository.id,
                    "after_image": after,
                    "count": count + 1,
                },
            )
            page = rows[:count]
            names = tags_of(transaction, repository, page)
            details = {row.id: _detail(repository, row, names.get(row.id)) for row in page}
            self._add_scans(transaction, repository, page, details)
        more = (
            encode_token(f"DescribeImages/{repository.id}", [page[-1].id])
            if len(rows) > count
            else None
        )
        return {
            "imageDetails": list(details.values()),
            "nextToken": more,
        }

    def _describe_named(
        self, repository_name: str, registry_id: str | None, image_ids: Sequence[ImageId]
    ) -> dict[str, Any]:
        details: dict[int, ImageDetail] = {}
        self.store.pulls.try_to_write()
        with self.store.database.read() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            selection = Selection(transaction, repository, image_ids)
            rows = {}
            for image_id in image_ids:
                row = selection.get(image_id)
                rows[row.id] = row
                details[row.id] = _detail(repository, row, selection.tags_of(row.id) or None)
            self._add_scans(transaction, repository, [rows[each] for each in sorted(rows)], details)
        return {"imageDetails": list(details.values())}

    def _add_scans(
        self,
        transaction: Connection,
        repository: Repository,
        rows: Sequence[Any],
        details: Mapping[int, ImageDetail],
    ) -> None:
        """Have the details of images that follow one another in the order of push tell of their scans."""


def _position(listing: str, token: str | None, kinds: tuple[type[int], ...]) -> list[int] | None:
    """Where a listing of images goes on; None for its beginning. Raises InvalidContinuationToken."""
    try:
        return decode_token(listing, token, kinds)
    except InvalidParameterException:
        raise InvalidContinuationToken from None


def _detail(repository: Repository, row: Any, tag_names: list[str] | None) -> ImageDetail:
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


@cache
def _page(tag_status: str, image_status: str) -> Query:
    """One page of images: `count` of them behind `after_image`, of the tag and image status that a filter names."""
    return _filtered(
        select(*DETAILS)
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
