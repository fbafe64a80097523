"""Rows of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, FromClause, Select, bindparam, func, select

from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage.database.queries import Pairs, Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import images, tags


class StoredImage(Protocol):
    """An image of a repository, by its row and digest. Every row of an image is a StoredImage."""

    @property
    def id(self) -> int: ...

    @property
    def digest(self) -> str: ...


class ImageKey(NamedTuple):
    """An image by its row and digest."""

    id: int
    digest: str


class ImageRow(NamedTuple):
    """An image without its manifest. Times are in seconds since the epoch, `size` is in bytes."""

    id: int
    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    size: int | None
    pushed_at: float
    last_pulled_at: float | None
    status: str
    last_archived_at: float | None
    last_activated_at: float | None


class TaggedImage(NamedTuple):
    """An image and its tags, in the order in which they were put on it."""

    image: ImageRow
    tags: list[str]


class Content(NamedTuple):
    """A manifest as it was pushed, its media type, and the time of the push in seconds since the epoch.

    The content of a placeholder is any text.
    """

    manifest: bytes
    media_type: str
    pushed_at: float
    is_placeholder: bool


class ImageSize(NamedTuple):
    """An image and its size in bytes, if known."""

    digest: str
    size: int | None


class TagOfImage(NamedTuple):
    """An image under one of its tags; `tag_id` is 0 and `name` None for an image without tags."""

    id: int
    digest: str
    tag_id: int
    name: str | None


class BeforePut(NamedTuple):
    """The rows of the images that a digest and a tag name."""

    id: int | None
    tagged_id: int | None


class _Span(NamedTuple):
    """The first and the last row of a repository's images."""

    first: int | None
    last: int | None


class _TagName(NamedTuple):
    name: str


IS_PLACEHOLDER = images.c.text_digest.is_not(None)
"""True for a placeholder."""

COLUMNS = tuple(images.c[name] for name in ImageRow._fields)
"""The columns of an ImageRow."""

IN_REPOSITORY = images.c.repository_id == bindparam("repository")
IS_IMAGE = images.c.id == bindparam("image")

_IMAGE_COLUMNS = {name: images.c[name] for name in ImageRow._fields}
_tag_of_image = tags.alias()
# One row for each tag of an image, and one row without a name for an image without tags.
_AND_ITS_TAGS = images.outerjoin(_tag_of_image, _tag_of_image.c.image_id == images.c.id)


def _with_tags(source: FromClause, *conditions: ColumnElement[bool]) -> Pairs[ImageRow, _TagName]:
    # Ordered by the image too, SQLite would search all of the repository in that order.
    return Pairs(
        ImageRow,
        _IMAGE_COLUMNS,
        _TagName,
        {"name": _tag_of_image.c.name},
        source,
        *conditions,
        order_by=(_tag_of_image.c.id,),
    )


_BY_DIGEST = _with_tags(_AND_ITS_TAGS, IN_REPOSITORY, images.c.digest == bindparam("digest"))
_BY_DIGESTS = _with_tags(
    _AND_ITS_TAGS, IN_REPOSITORY, images.c.digest.in_(bindparam("digests", expanding=True))
)
_BY_TAG = _with_tags(
    images.join(tags, tags.c.image_id == images.c.id).join(
        _tag_of_image, _tag_of_image.c.image_id == images.c.id
    ),
    tags.c.repository_id == bindparam("repository"),
    tags.c.name == bindparam("tag"),
)
_BEFORE_PUT = Query(
    BeforePut,
    select(
        select(images.c.id)
        .where(IN_REPOSITORY, images.c.digest == bindparam("digest"))
        .scalar_subquery()
        .label("id"),
        select(tags.c.image_id)
        .where(tags.c.repository_id == bindparam("repository"), tags.c.name == bindparam("tag"))
        .scalar_subquery()
        .label("tagged_id"),
    ),
)
_CONTENT = Query(
    Content,
    select(
        images.c.manifest,
        images.c.media_type,
        images.c.pushed_at,
        IS_PLACEHOLDER.label("is_placeholder"),
    ).where(IS_IMAGE),
)
_PLACEHOLDER: Scalars[bool] = Scalars(select(IS_PLACEHOLDER).where(IS_IMAGE))
_PLACEHOLDER_OF_TEXT: Scalars[str] = Scalars(
    select(images.c.digest).where(IN_REPOSITORY, images.c.text_digest == bindparam("text_digest"))
)
_PLACEHOLDERS: Scalars[int] = Scalars(select(func.count()).where(IS_PLACEHOLDER))
_SIZES = Query(
    ImageSize,
    select(images.c.digest, images.c.size).where(
        IN_REPOSITORY,
        images.c.digest.in_(bindparam("digests", expanding=True)),
        ~IS_PLACEHOLDER,
    ),
)
_BY_ID = Query(ImageRow, select(*COLUMNS).where(IS_IMAGE))
_OF_REPOSITORY = Query(ImageRow, select(*COLUMNS).where(IN_REPOSITORY).order_by(images.c.id))
_SPAN = Query(
    _Span,
    select(
        select(func.min(images.c.id)).where(IN_REPOSITORY).scalar_subquery().label("first"),
        select(func.max(images.c.id)).where(IN_REPOSITORY).scalar_subquery().label("last"),
    ),
)
_COUNT: Scalars[int] = Scalars(
    select(func.count()).select_from(
        select(images.c.id).where(IN_REPOSITORY).limit(bindparam("at_most")).subquery()
    )
)
_ACTIVE = Query(
    ImageRow,
    select(*COLUMNS).where(IN_REPOSITORY, images.c.status == "ACTIVE").order_by(images.c.id),
)
_UPDATE = images.update().where(IS_IMAGE)
_DELETE = images.delete().where(images.c.id.in_(bindparam("images", expanding=True)))


def by_id(view: View, image_id: int) -> ImageRow:
    """Return an image that exists."""
    return _BY_ID.one(view, image=image_id)


def by_digest(view: View, repository_id: int, digest: str) -> TaggedImage | None:
    """Return the image of a repository that has this digest."""
    return _tagged(_BY_DIGEST.all(view, repository=repository_id, digest=digest))


def by_digests(view: View, repository_id: int, digests: Sequence[str]) -> dict[str, TaggedImage]:
    """Return those images of a repository whose digests are given, by digest."""
    found: dict[str, TaggedImage] = {}
    for image, tag in _BY_DIGESTS.all(view, repository=repository_id, digests=digests):
        tagged = found.setdefault(image.digest, TaggedImage(image, []))
        if tag is not None:
            tagged.tags.append(tag.name)
    return found


def by_tag(view: View, repository_id: int, tag: str) -> TaggedImage | None:
    """Return the image of a repository that has this tag."""
    return _tagged(_BY_TAG.all(view, repository=repository_id, tag=tag))


def _tagged(found: Sequence[tuple[ImageRow, _TagName | None]]) -> TaggedImage | None:
    if not found:
        return None
    return TaggedImage(found[0][0], [tag.name for _, tag in found if tag is not None])


def before_put(view: View, repository_id: int, digest: str, tag: str) -> BeforePut:
    """Return the images of a repository that a digest and a tag name."""
    return _BEFORE_PUT.one(view, repository=repository_id, digest=digest, tag=tag)


def content(view: View, image_id: int) -> Content | None:
    """Return the manifest of an image, or None if the image is gone."""
    return _CONTENT.first(view, image=image_id)


def is_placeholder(view: View, image_id: int) -> bool:
    """Return True if an image is a placeholder."""
    return bool(_PLACEHOLDER.first(view, image=image_id))


def placeholder_of(view: View, repository_id: int, text_digest: str) -> str | None:
    """Return the digest of the placeholder of a repository whose text has this digest."""
    return _PLACEHOLDER_OF_TEXT.first(view, repository=repository_id, text_digest=text_digest)


def count_of_placeholders(view: View) -> int:
    """Return the number of placeholders in all registries."""
    return _PLACEHOLDERS.one(view)


def sizes(view: View, repository_id: int, digests: Sequence[str]) -> list[ImageSize]:
    """Return the sizes of those images of a repository whose digests are given, without placeholders."""
    return _SIZES.all(view, repository=repository_id, digests=digests) if digests else []


def by_reference(view: View, repository_id: int, reference: Reference) -> TaggedImage | None:
    """Return the image of a repository that a tag or a digest names."""
    find = by_tag if isinstance(reference, Tag) else by_digest
    return find(view, repository_id, reference)


def of_repository(view: View, repository_id: int) -> list[ImageRow]:
    """Return all images of a repository, in the order of their push."""
    return _OF_REPOSITORY.all(view, repository=repository_id)


def active(view: View, repository_id: int) -> list[ImageRow]:
    """Return the active images of a repository, in the order of their push."""
    return _ACTIVE.all(view, repository=repository_id)


def are_as_many(view: View, repository_id: int, number: int) -> bool:
    """Return True if a repository has at least `number` images.

    Rows are numbered in the order of push, so that images are counted only if that many rows lie between the first and
    the last.
    """
    span = _SPAN.one(view, repository=repository_id)
    if span.first is None or span.last is None:
        return number <= 0
    if span.last - span.first + 1 < number:
        return False
    return _COUNT.one(view, repository=repository_id, at_most=number) >= number


def page(
    view: View, repository_id: int, tag_status: str, image_status: str, after: int, count: int
) -> list[ImageRow]:
    """Return at most `count` images after the row `after`, in the order of their push.

    The statuses are values of ECR's filters; ANY keeps all images.
    """
    query = _page(tag_status, image_status)
    return query.all(
        view,
        repository=repository_id,
        after_image=after,
        count=count,
        **values_of_filter(tag_status, image_status),
    )


def page_by_tag(
    view: View,
    repository_id: int,
    tag_status: str,
    image_status: str,
    after: tuple[int, int],
    count: int,
) -> list[TagOfImage]:
    """Return at most `count` tags after the rows of an image and a tag, in the order of their images' push."""
    query = _page_by_tag(tag_status, image_status)
    after_image, after_tag = after
    return query.all(
        view,
        repository=repository_id,
        after_image=after_image,
        after_tag=after_tag,
        count=count,
        **values_of_filter(tag_status, image_status),
    )


def insert(transaction: Transaction, columns: Mapping[str, Any]) -> int:
    """Add an image and return its row."""
    row_id: int = transaction.insert(images, columns)
    return row_id


def update(transaction: Transaction, image_id: int, columns: Mapping[str, Any]) -> None:
    """Store new values in columns of an image."""
    transaction.change(_UPDATE, image=image_id, **columns)


def delete(transaction: Transaction, image_ids: Sequence[int]) -> None:
    """Remove images, with their tags and all rows that belong to them."""
    transaction.change(_DELETE, images=image_ids)


@cache
def _page(tag_status: str, image_status: str) -> Query[ImageRow]:
    return Query(
        ImageRow,
        filtered(
            select(*COLUMNS)
            .where(IN_REPOSITORY, images.c.id > bindparam("after_image"))
            .order_by(images.c.id)
            .limit(bindparam("count")),
            tag_status,
            image_status,
        ),
    )


@cache
def _page_by_tag(tag_status: str, image_status: str) -> Query[TagOfImage]:
    tag = func.coalesce(tags.c.id, 0)
    return Query(
        TagOfImage,
        filtered(
            select(images.c.id, images.c.digest, tag.label("tag_id"), tags.c.name)
            .outerjoin(tags, tags.c.image_id == images.c.id)
            .where(
                IN_REPOSITORY,
                images.c.id >= bindparam("after_image"),
                (images.c.id > bindparam("after_image")) | (tag > bindparam("after_tag")),
            )
            .order_by(images.c.id, tag)
            .limit(bindparam("count")),
            tag_status,
            image_status,
        ),
    )


def filtered(statement: Select[Any], tag_status: str, image_status: str) -> Select[Any]:
    """Return a statement restricted to images by ECR's filters, of which ANY keeps all: see `values_of_filter`."""
    if tag_status != "ANY":
        statement = statement.where(images.c.is_tagged == bindparam("is_tagged"))
    if image_status != "ANY":
        statement = statement.where(images.c.status == bindparam("image_status"))
    return statement


def values_of_filter(tag_status: str, image_status: str) -> dict[str, Any]:
    """Return the parameters of a statement from `filtered`."""
    return {"is_tagged": tag_status == "TAGGED", "image_status": image_status}
