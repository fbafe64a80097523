"""Rows of tags."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from sqlalchemy import BindParameter, bindparam, exists, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .images import IN_REPOSITORY, IS_IMAGE, IS_PLACEHOLDER, StoredImage, filtered, values_of_filter
from .tables import images, tags


class TagRow(NamedTuple):
    """A tag and its image, by their rows."""

    id: int
    image_id: int


class ListedTag(NamedTuple):
    """A tag and the digest of its image."""

    id: int
    name: str
    digest: str


class _NameOfImage(NamedTuple):
    image_id: int
    name: str


_IS_TAG = (tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))
_BY_NAME = Query(TagRow, select(tags.c.id, tags.c.image_id).where(*_IS_TAG))
_OF_IMAGES = Query(
    _NameOfImage,
    select(tags.c.image_id, tags.c.name)
    .where(
        tags.c.repository_id == bindparam("repository"),
        tags.c.image_id.between(bindparam("first"), bindparam("last")),
    )
    .order_by(tags.c.id),
)
_OF_EACH = Query(
    _NameOfImage,
    select(tags.c.image_id, tags.c.name)
    .where(tags.c.image_id.in_(bindparam("images", expanding=True)))
    .order_by(tags.c.id),
)
_COUNT: Scalars[int] = Scalars(select(func.count()).where(tags.c.image_id == bindparam("image")))
_PAGE: Scalars[str] = Scalars(
    select(tags.c.name)
    .join(images, images.c.id == tags.c.image_id)
    .where(
        tags.c.repository_id == bindparam("repository"),
        tags.c.name > bindparam("after"),
        images.c.status == "ACTIVE",
        ~IS_PLACEHOLDER,
    )
    .order_by(tags.c.name)
    .limit(bindparam("count"))
)
_AFTER: BindParameter[str] = bindparam("after")
_PAGE_BY_DIGEST = Query(
    ListedTag,
    select(tags.c.id, tags.c.name, images.c.digest)
    .join(images, images.c.id == tags.c.image_id)
    .where(
        images.c.repository_id == bindparam("repository"),
        images.c.digest >= _AFTER,
        (images.c.digest > _AFTER) | (tags.c.id > bindparam("after_tag")),
        images.c.status == "ACTIVE",
        ~IS_PLACEHOLDER,
    )
    .order_by(images.c.digest, tags.c.id)
    .limit(bindparam("count")),
)
_any_tag = tags.alias()
_HAS_TAG = exists().where(_any_tag.c.image_id == images.c.id)
_NOTE = (
    images.update()
    .where(IS_IMAGE, images.c.is_tagged != _HAS_TAG)
    .values(is_tagged=~images.c.is_tagged)
)
_MOVE = tags.update().where(*_IS_TAG)
_DELETE = tags.delete().where(*_IS_TAG)


def by_name(view: View, repository_id: int, name: str) -> TagRow | None:
    """Return a tag of a repository."""
    return _BY_NAME.first(view, repository=repository_id, tag=name)


def of_images(
    view: View, repository_id: int, images_in_order: Sequence[StoredImage]
) -> dict[int, list[str]]:
    """Return the tags of images that follow one another in the order of push, by the images' rows.

    The tags of an image are in the order in which they were put on it. Images without tags are left out.
    """
    found: dict[int, list[str]] = {}
    if images_in_order:
        first, last = images_in_order[0].id, images_in_order[-1].id
        for row in _OF_IMAGES.all(view, repository=repository_id, first=first, last=last):
            found.setdefault(row.image_id, []).append(row.name)
    return found


def of_each(view: View, image_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the tags of any images, in the form of `of_images`."""
    found: dict[int, list[str]] = {}
    for row in _OF_EACH.all(view, images=image_ids):
        found.setdefault(row.image_id, []).append(row.name)
    return found


def of_page(
    view: View, repository_id: int, tag_status: str, image_status: str, after: int, count: int
) -> dict[int, list[str]]:
    """Return the tags of the images that `images.page` returns for these arguments, in the form of `of_images`.

    The images of a filter may lie far apart.
    """
    found: dict[int, list[str]] = {}
    for row in _of_page(tag_status, image_status).all(
        view,
        repository=repository_id,
        after_image=after,
        count=count,
        **values_of_filter(tag_status, image_status),
    ):
        found.setdefault(row.image_id, []).append(row.name)
    return found


def of_image(view: View, repository_id: int, image: StoredImage) -> list[str]:
    """Return the tags of an image, in the order in which they were put on it."""
    return of_images(view, repository_id, [image]).get(image.id, [])


def count_of_image(view: View, image_id: int) -> int:
    """Return the number of an image's tags."""
    return _COUNT.one(view, image=image_id)


def page(view: View, repository_id: int, after: str, count: int) -> list[str]:
    """Return at most `count` tags of active images after the name `after`, in lexical order, without placeholders."""
    return _PAGE.all(view, repository=repository_id, after=after, count=count)


def page_by_digest(
    view: View, repository_id: int, after: str, after_tag: int, count: int
) -> list[ListedTag]:
    """Return at most `count` tags of active images in the order of the images' digests, without placeholders.

    They follow the tag `after_tag`, by its row, of the image with the digest `after`.
    """
    return _PAGE_BY_DIGEST.all(
        view, repository=repository_id, after=after, after_tag=after_tag, count=count
    )


def insert(transaction: Transaction, repository_id: int, name: str, image_id: int) -> None:
    """Add a tag."""
    transaction.insert(tags, {"repository_id": repository_id, "name": name, "image_id": image_id})
    _note(transaction, image_id)


def move(transaction: Transaction, repository_id: int, name: str, image_id: int) -> None:
    """Move a tag to another image."""
    before = by_name(transaction, repository_id, name)
    transaction.change(_MOVE, repository=repository_id, tag=name, image_id=image_id)
    _note(transaction, image_id)
    if before is not None:
        _note(transaction, before.image_id)


def delete(transaction: Transaction, repository_id: int, name: str) -> None:
    """Remove a tag."""
    before = by_name(transaction, repository_id, name)
    transaction.change(_DELETE, repository=repository_id, tag=name)
    if before is not None:
        _note(transaction, before.image_id)


def _note(transaction: Transaction, image_id: int) -> None:
    """Update the column of an image that says if it has a tag."""
    transaction.change(_NOTE, image=image_id)


@cache
def _of_page(tag_status: str, image_status: str) -> Query[_NameOfImage]:
    page = filtered(
        select(images.c.id)
        .where(IN_REPOSITORY, images.c.id > bindparam("after_image"))
        .order_by(images.c.id)
        .limit(bindparam("count")),
        tag_status,
        image_status,
    )
    return Query(
        _NameOfImage,
        select(tags.c.image_id, tags.c.name).where(tags.c.image_id.in_(page)).order_by(tags.c.id),
    )
