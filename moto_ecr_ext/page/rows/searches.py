"""Pages of images and repositories in both directions, and searches."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, null, or_, select

from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import (
    COLUMNS,
    IN_REPOSITORY,
    ImageRow,
    filtered,
    values_of_filter,
)
from moto_ecr_ext.storage.rows.repositories import IS_THERE, RegistryRow, RepositoryRow
from moto_ecr_ext.storage.rows.tables import images, repositories, tags

_ESCAPE = "!"
_BEGINS_DIGEST = re.compile(r"(?:sha\d+:)?[0-9a-fA-F]+")
_HAS_TAG = images.c.id.in_(
    select(tags.c.image_id).where(
        tags.c.repository_id == bindparam("repository"),
        func.lower(tags.c.name).like(bindparam("pattern"), escape=_ESCAPE),
    )
)
_TAG_OR_DIGEST = or_(
    images.c.digest.like(bindparam("digest_pattern"), escape=_ESCAPE),
    _HAS_TAG,
)


class FoundImage(NamedTuple):
    """An image that was found, with the tag that matches, or None if its digest matches."""

    account_id: str
    region: str
    repository_name: str
    digest: str
    tag: str | None


class ImageFilter(NamedTuple):
    """A filter of a repository's images: ECR's two statuses, and a text in a tag or a digest."""

    tag_status: str = "ANY"
    image_status: str = "ANY"
    search: str = ""

    @property
    def condition(self) -> ColumnElement[bool] | None:
        """The condition of the search, or None. Digests are searched only for a text that can begin one."""
        if not self.search:
            return None
        return _TAG_OR_DIGEST if _BEGINS_DIGEST.fullmatch(self.search) else _HAS_TAG

    @property
    def values(self) -> dict[str, Any]:
        """The parameters of a statement with this filter."""
        return {
            **values_of_filter(self.tag_status, self.image_status),
            "pattern": pattern_within(self.search),
            "digest_pattern": pattern_of_digest(self.search),
        }


_OF_REGISTRY = (
    repositories.c.account_id == bindparam("account"),
    repositories.c.region == bindparam("in_region"),
)
_OF_REPOSITORY = repositories.c.name.like(bindparam("name_pattern"), escape=_ESCAPE)
_FOUND = (
    repositories.c.account_id,
    repositories.c.region,
    repositories.c.name.label("repository_name"),
    images.c.digest,
)
_TAGS_LIKE = Query(
    FoundImage,
    select(*_FOUND, tags.c.name.label("tag"))
    .join(images, images.c.id == tags.c.image_id)
    .join(repositories, repositories.c.id == tags.c.repository_id)
    .where(
        IS_THERE, _OF_REPOSITORY, func.lower(tags.c.name).like(bindparam("pattern"), escape=_ESCAPE)
    )
    .order_by(tags.c.id.desc())
    .limit(bindparam("count")),
)
_DIGESTS_LIKE = Query(
    FoundImage,
    select(*_FOUND, null().label("tag"))
    .join(repositories, repositories.c.id == images.c.repository_id)
    .where(IS_THERE, _OF_REPOSITORY, images.c.digest.like(bindparam("pattern"), escape=_ESCAPE))
    .order_by(images.c.id.desc())
    .limit(bindparam("count")),
)


def pattern_within(text: str) -> str:
    """Return the LIKE pattern of lower-case texts that contain this text."""
    return f"%{_escaped(text.lower())}%"


def pattern_of_digest(text: str) -> str:
    """Return the LIKE pattern of digests that begin with this text, with or without the algorithm's name."""
    escaped = _escaped(text.lower())
    return f"{escaped}%" if ":" in text else f"%:{escaped}%"


def _escaped(text: str) -> str:
    for character in (_ESCAPE, "%", "_"):
        text = text.replace(character, _ESCAPE + character)
    return text


def page_of_repositories(
    view: View, registry: RegistryRow, search: str, after: str, count: int
) -> list[RepositoryRow]:
    """Return at most `count` repositories after the name `after` whose names contain a text, by name."""
    return _page_of_repositories(bool(search)).all(
        view,
        account=registry.account_id,
        in_region=registry.region,
        after=after,
        pattern=pattern_within(search),
        count=count,
    )


def repositories_before(
    view: View, registry: RegistryRow, search: str, before: str, count: int
) -> list[RepositoryRow]:
    """Return the last `count` repositories before the name `before` whose names contain a text, by name."""
    found = _repositories_before(bool(search)).all(
        view,
        account=registry.account_id,
        in_region=registry.region,
        before=before,
        pattern=pattern_within(search),
        count=count,
    )
    return found[::-1]


def repositories_named_like(view: View, search: str, count: int) -> list[RepositoryRow]:
    """Return at most `count` repositories of any registry whose names contain a text."""
    return _NAMED_LIKE.all(view, pattern=pattern_within(search), count=count)


def tags_like(view: View, search: str, count: int, repository: str = "") -> list[FoundImage]:
    """Return at most `count` tags of any registry that contain a text, newest first.

    With `repository`, only in repositories of this name.
    """
    return _TAGS_LIKE.all(
        view, pattern=pattern_within(search), name_pattern=_escaped(repository) or "%", count=count
    )


def digests_like(view: View, search: str, count: int, repository: str = "") -> list[FoundImage]:
    """Return at most `count` images of any registry whose digests begin with a text, newest first.

    With `repository`, only in repositories of this name.
    """
    pattern = pattern_of_digest(search)
    return _DIGESTS_LIKE.all(
        view, pattern=pattern, name_pattern=_escaped(repository) or "%", count=count
    )


def images_before(
    view: View, repository_id: int, wanted: ImageFilter, before: int, count: int
) -> list[ImageRow]:
    """Return at most `count` images before a row, newest first."""
    query = _images(wanted.tag_status, wanted.image_status, wanted.condition, newer=False)
    return query.all(view, repository=repository_id, row=before, count=count, **wanted.values)


def images_after(
    view: View, repository_id: int, wanted: ImageFilter, after: int, count: int
) -> list[ImageRow]:
    """Return the `count` images that follow a row, newest first."""
    query = _images(wanted.tag_status, wanted.image_status, wanted.condition, newer=True)
    found = query.all(view, repository=repository_id, row=after, count=count, **wanted.values)
    return found[::-1]


@cache
def _images(
    tag_status: str, image_status: str, search: ColumnElement[bool] | None, *, newer: bool
) -> Query[ImageRow]:
    row: BindParameter[int] = bindparam("row")
    statement = (
        select(*COLUMNS)
        .where(IN_REPOSITORY, images.c.id > row if newer else images.c.id < row)
        .order_by(images.c.id if newer else images.c.id.desc())
        .limit(bindparam("count"))
    )
    if search is not None:
        statement = statement.where(search)
    return Query(ImageRow, filtered(statement, tag_status, image_status))


def _named_like(statement: Select[Any]) -> Select[Any]:
    name = func.lower(repositories.c.name)
    return statement.where(name.like(bindparam("pattern"), escape=_ESCAPE))


@cache
def _page_of_repositories(is_search: bool) -> Query[RepositoryRow]:
    statement = (
        select(repositories)
        .where(*_OF_REGISTRY, repositories.c.name > bindparam("after"))
        .order_by(repositories.c.name)
        .limit(bindparam("count"))
    )
    return Query(RepositoryRow, _named_like(statement) if is_search else statement)


@cache
def _repositories_before(is_search: bool) -> Query[RepositoryRow]:
    statement = (
        select(repositories)
        .where(*_OF_REGISTRY, repositories.c.name < bindparam("before"))
        .order_by(repositories.c.name.desc())
        .limit(bindparam("count"))
    )
    return Query(RepositoryRow, _named_like(statement) if is_search else statement)


_NAMED_LIKE = Query(
    RepositoryRow,
    _named_like(
        select(repositories)
        .where(IS_THERE)
        .order_by(repositories.c.name, repositories.c.id)
        .limit(bindparam("count"))
    ),
)
