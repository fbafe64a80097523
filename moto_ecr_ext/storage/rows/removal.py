"""Rows of deleted repositories and replaced previews: hidden at once, and removed in small transactions.

Removing 100,000 images takes long and would block other writes. A deleted repository belongs to no account, so that no
request finds it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Delete, String, Table, bindparam, cast, exists, select, tuple_

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .repositories import IS_THERE
from .tables import (
    EMPTIED_FIRST_TO_LAST,
    image_activations,
    image_signings,
    images,
    lifecycle_previews,
    preview_results,
    preview_tags,
    replications,
    repositories,
    repository_blobs,
    scans,
    uploads,
)

# Images, and blobs of repositories, in one transaction.
_AT_ONCE = 100
# Results of previews in one transaction. No other rows refer to them.
_RESULTS_AT_ONCE = 1000


class _Member(NamedTuple):
    """A blob that a repository holds."""

    repository_id: int
    digest: str


_IS_DELETED = ~IS_THERE
_HIDE = repositories.update().values(
    account_id="",
    region="",
    name=cast(repositories.c.id, String),
    lifecycle_policy=None,
    lifecycle_due_at=None,
)
_HIDE_ONE = _HIDE.where(repositories.c.id == bindparam("repository"))
_ANY: Scalars[int] = Scalars(select(repositories.c.id).where(_IS_DELETED).limit(1))
_IS_REPLACED = lifecycle_previews.c.status == "REPLACED"
_ANY_PREVIEW: Scalars[int] = Scalars(select(lifecycle_previews.c.id).where(_IS_REPLACED).limit(1))
# Previews under way are ended by `_END_WORK`.
_REPLACE_PREVIEWS = (
    lifecycle_previews.update()
    .where(
        ~_IS_REPLACED,
        lifecycle_previews.c.repository_id.in_(select(repositories.c.id).where(_IS_DELETED)),
    )
    .values(status="REPLACED")
)
_DELETE_IMAGES = images.delete().where(
    images.c.id.in_(
        select(images.c.id)
        .join(repositories, repositories.c.id == images.c.repository_id)
        .where(_IS_DELETED)
        .limit(_AT_ONCE)
    )
)
_BLOBS = Query(
    _Member,
    select(repository_blobs.c.repository_id, repository_blobs.c.digest)
    .join(repositories, repositories.c.id == repository_blobs.c.repository_id)
    .where(_IS_DELETED)
    .limit(_AT_ONCE),
)
_DELETE_BLOB = repository_blobs.delete().where(
    repository_blobs.c.repository_id == bindparam("repository"),
    repository_blobs.c.digest == bindparam("blob"),
)
_DELETE_REPOSITORIES = repositories.delete().where(_IS_DELETED)


def _delete_some_of_previews(table: Table) -> Delete:
    key = tuple(table.primary_key)
    some = (
        select(*key)
        .join(lifecycle_previews, lifecycle_previews.c.id == table.c.preview_id)
        .where(_IS_REPLACED)
        .limit(_RESULTS_AT_ONCE)
    )
    return table.delete().where(tuple_(*key).in_(some))


_DELETE_OF_PREVIEWS = tuple(map(_delete_some_of_previews, (preview_tags, preview_results)))
_DELETE_PREVIEWS = lifecycle_previews.delete().where(_IS_REPLACED)


def _is_of_deleted(image_id: ColumnElement[int]) -> ColumnElement[bool]:
    return exists().where(
        images.c.id == image_id, repositories.c.id == images.c.repository_id, _IS_DELETED
    )


# Work under way is looked up in all registries.
_END_WORK = (
    replications.delete().where(
        replications.c.status == "IN_PROGRESS", _is_of_deleted(replications.c.image_id)
    ),
    image_signings.delete().where(
        image_signings.c.status == "IN_PROGRESS", _is_of_deleted(image_signings.c.image_id)
    ),
    scans.delete().where(scans.c.completed_at.is_(None), _is_of_deleted(scans.c.image_id)),
    image_activations.delete().where(_is_of_deleted(image_activations.c.image_id)),
)


def _tables_beside_repositories() -> list[Table]:
    """Return the tables whose rows are not deleted with a repository, referring tables first."""
    of_repositories = {repositories}
    for table in reversed(EMPTIED_FIRST_TO_LAST):
        if any(key.column.table in of_repositories for key in table.foreign_keys):
            of_repositories.add(table)
    return [table for table in EMPTIED_FIRST_TO_LAST if table not in of_repositories]


_EMPTY_REGISTRIES = [table.delete() for table in _tables_beside_repositories()]
_DELETE_UPLOADS = uploads.delete()


def hide(transaction: Transaction, repository_id: int) -> None:
    """Hide a repository with all that it has. `remove_some` removes it later."""
    transaction.change(_HIDE_ONE, repository=repository_id)
    transaction.change(_REPLACE_PREVIEWS)


def hide_all(transaction: Transaction) -> None:
    """Hide all repositories, and remove all other rows of their registries."""
    transaction.change(_HIDE)
    transaction.change(_REPLACE_PREVIEWS)
    transaction.change(_DELETE_UPLOADS)
    for statement in _EMPTY_REGISTRIES:
        transaction.change(statement)


def remove_some(transaction: Transaction) -> tuple[list[str], bool]:
    """Remove some hidden rows. Return the blobs that they held, and True if there are more rows."""
    if not _remove_some_of_previews(transaction):
        return [], True
    if transaction.change(_DELETE_IMAGES) == _AT_ONCE:
        return [], True
    found = _BLOBS.all(transaction)
    transaction.change_each(
        _DELETE_BLOB, [{"repository": each.repository_id, "blob": each.digest} for each in found]
    )
    digests = [each.digest for each in found]
    if len(found) == _AT_ONCE:
        return digests, True
    transaction.change(_DELETE_REPOSITORIES)
    return digests, False


def _remove_some_of_previews(transaction: Transaction) -> bool:
    """Remove some rows of replaced previews. Return True if those were all."""
    if _ANY_PREVIEW.first(transaction) is None:
        return True
    for statement in _DELETE_OF_PREVIEWS:
        if transaction.change(statement) == _RESULTS_AT_ONCE:
            return False
    transaction.change(_DELETE_PREVIEWS)
    return True


def end_work(transaction: Transaction) -> None:
    """Remove the work under way on images of hidden repositories, so that nothing continues it."""
    for statement in _END_WORK:
        transaction.change(statement)


def are_any_hidden(view: View) -> bool:
    """Return True if there are rows for `remove_some`."""
    return _ANY.first(view) is not None or _ANY_PREVIEW.first(view) is not None
