"""Counts and sums by registry and by repository."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, BindParameter, bindparam, cast, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.repositories import IS_THERE, RepositoryRow
from moto_ecr_ext.storage.rows.tables import (
    image_references,
    images,
    repositories,
    repository_blobs,
    tags,
)
from moto_ecr_ext.storage.rows.totals import Total


class RegistryCount(NamedTuple):
    """A registry that has repositories, and its numbers of repositories and images."""

    account_id: str
    region: str
    repositories: int
    images: int


class ImageCount(NamedTuple):
    """The number of images of a repository. `last_id` is the row of the image that was pushed last."""

    repository_id: int
    number: int
    last_id: int


class TagCount(NamedTuple):
    """The number of tags of a repository."""

    repository_id: int
    number: int


class BlobSum(NamedTuple):
    """The blobs that a repository holds: their number, and the sum of their bytes."""

    repository_id: int
    number: int
    size: int


class SharedSum(NamedTuple):
    """The bytes of those blobs of a repository that other repositories hold, too."""

    repository_id: int
    size: int


class PushTime(NamedTuple):
    """The time of an image's push, in seconds since the epoch."""

    id: int
    pushed_at: float


_ONE_OF: BindParameter[int] = bindparam("ids", expanding=True)
_SIZE = cast(func.coalesce(func.sum(repository_blobs.c.size), 0), BigInteger).label("size")
_REPOSITORIES = Query(
    RegistryCount,
    select(
        repositories.c.account_id,
        repositories.c.region,
        func.count(repositories.c.id.distinct()).label("repositories"),
        func.count(images.c.id).label("images"),
    )
    .select_from(repositories.outerjoin(images, images.c.repository_id == repositories.c.id))
    .where(IS_THERE)
    .group_by(repositories.c.account_id, repositories.c.region)
    .order_by(repositories.c.account_id, repositories.c.region),
)
_IMAGE_COUNTS = Query(
    ImageCount,
    select(
        images.c.repository_id,
        func.count().label("number"),
        func.max(images.c.id).label("last_id"),
    )
    .where(images.c.repository_id.in_(_ONE_OF))
    .group_by(images.c.repository_id),
)
_TAG_COUNTS = Query(
    TagCount,
    select(tags.c.repository_id, func.count().label("number"))
    .where(tags.c.repository_id.in_(_ONE_OF))
    .group_by(tags.c.repository_id),
)
_BLOB_SUMS = Query(
    BlobSum,
    select(repository_blobs.c.repository_id, func.count().label("number"), _SIZE)
    .where(repository_blobs.c.repository_id.in_(_ONE_OF))
    .group_by(repository_blobs.c.repository_id),
)
_elsewhere = repository_blobs.alias()
_SHARED_SUMS = Query(
    SharedSum,
    select(repository_blobs.c.repository_id, _SIZE)
    .where(
        repository_blobs.c.repository_id.in_(_ONE_OF),
        select(_elsewhere.c.digest)
        .where(
            _elsewhere.c.digest == repository_blobs.c.digest,
            _elsewhere.c.repository_id != repository_blobs.c.repository_id,
        )
        .exists(),
    )
    .group_by(repository_blobs.c.repository_id),
)
_PUSH_TIMES = Query(
    PushTime, select(images.c.id, images.c.pushed_at).where(images.c.id.in_(_ONE_OF))
)
_held: Any = select(func.count().label("number"), _SIZE)
_HELD = Query(Total, _held)
_manifests_sum: Any = select(
    func.count().label("number"),
    cast(func.coalesce(func.sum(func.length(images.c.manifest)), 0), BigInteger).label("size"),
)
_MANIFESTS = Query(Total, _manifests_sum)
_LARGEST = Query(
    BlobSum,
    select(repository_blobs.c.repository_id, func.count().label("number"), _SIZE)
    .group_by(repository_blobs.c.repository_id)
    .order_by(_SIZE.desc(), repository_blobs.c.repository_id)
    .limit(bindparam("count")),
)
_BY_IDS = Query(RepositoryRow, select(repositories).where(repositories.c.id.in_(_ONE_OF), IS_THERE))
_IMAGES_WITH_BLOB: Scalars[str] = Scalars(
    select(images.c.digest)
    .join(image_references, image_references.c.image_id == images.c.id)
    .where(
        image_references.c.repository_id == bindparam("repository"),
        image_references.c.digest == bindparam("blob"),
        image_references.c.kind == "blob",
    )
    .order_by(images.c.id)
    .limit(bindparam("count"))
)


def counts_of_registries(view: View) -> list[RegistryCount]:
    """Return every registry that has repositories, in the order of account and Region."""
    return _REPOSITORIES.all(view)


def image_counts(view: View, repository_ids: Sequence[int]) -> dict[int, ImageCount]:
    """Return the counts of images by repository, for repositories that have images."""
    return {each.repository_id: each for each in _IMAGE_COUNTS.all(view, ids=repository_ids)}


def tag_counts(view: View, repository_ids: Sequence[int]) -> dict[int, int]:
    """Return the numbers of tags by repository, for repositories that have tags."""
    return {each.repository_id: each.number for each in _TAG_COUNTS.all(view, ids=repository_ids)}


def blob_sums(view: View, repository_ids: Sequence[int]) -> dict[int, BlobSum]:
    """Return the sums of blobs by repository, for repositories that hold blobs."""
    return {each.repository_id: each for each in _BLOB_SUMS.all(view, ids=repository_ids)}


def shared_sizes(view: View, repository_ids: Sequence[int]) -> dict[int, int]:
    """Return the bytes of those blobs of repositories that other repositories hold, too.

    This reads a row for each blob.
    """
    found = _SHARED_SUMS.all(view, ids=repository_ids)
    return {each.repository_id: int(each.size) for each in found}


def push_times(view: View, image_ids: Sequence[int]) -> dict[int, float]:
    """Return the times at which images were pushed, by their rows."""
    return {each.id: each.pushed_at for each in _PUSH_TIMES.all(view, ids=image_ids)}


def held(view: View) -> Total:
    """Return the sum of the whole store's blobs, each counted once for each repository that holds it."""
    return _HELD.one(view)


def manifests(view: View) -> Total:
    """Return the sum of the whole store's manifests."""
    return _MANIFESTS.one(view)


def largest_repositories(view: View, count: int) -> list[tuple[RepositoryRow, BlobSum]]:
    """Return the `count` repositories that hold the most bytes, in that order."""
    sums = _LARGEST.all(view, count=count)
    found = {row.id: row for row in _BY_IDS.all(view, ids=[each.repository_id for each in sums])}
    # The rows of a deleted repository are removed a little later.
    return [(found[each.repository_id], each) for each in sums if each.repository_id in found]


def images_with_blob(view: View, repository_id: int, digest: str, count: int) -> list[str]:
    """Return the digests of at most `count` images of a repository that refer to a blob, in the order of their push."""
    return _IMAGES_WITH_BLOB.all(view, repository=repository_id, blob=digest, count=count)
