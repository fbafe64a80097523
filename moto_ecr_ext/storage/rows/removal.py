"""Rows of repositories that are deleted, and of previews that are replaced: out of sight at once, and removed some at a
time.

To remove 100,000 images takes long, and others would wait for it. A deleted repository belongs to no account, so that
no request finds it.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, Delete, String, Table, bindparam, cast, exists, select, tuple_

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

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

# Images, and blobs that repositories hold, in one transaction.
_AT_ONCE = 100
# Results of previews, which nothing belongs to.
_RESULTS_AT_ONCE = 1000
_NO_ACCOUNT = ""


class _Member(NamedTuple):
    """A blob that a repository holds."""

    repository_id: int
    digest: str


_IS_DELETED = repositories.c.account_id == _NO_ACCOUNT
_HIDE = repositories.update().values(
    account_id=_NO_ACCOUNT,
    region="",
    name=cast(repositories.c.id, String),
    lifecycle_policy=None,
    lifecycle_due_at=None,
)
_HIDE_ONE = _HIDE.where(repositories.c.id == bindparam("repository"))
_ANY: Scalars[int] = Scalars(select(repositories.c.id).where(_IS_DELETED).limit(1))
_IS_REPLACED = lifecycle_previews.c.status == "REPLACED"
_ANY_PREVIEW: Scalars[int] = Scalars(select(lifecycle_previews.c.id).where(_IS_REPLACED).limit(1))
# Those that go on are ended with other work.
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


# What goes on is looked for in all registries.
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
    """Return the tables whose rows do not go with a repository, those that refer to others first."""
    of_repositories = {repositories}
    for table in reversed(EMPTIED_FIRST_TO_LAST):
        if any(key.column.table in of_repositories for key in table.foreign_keys):
            of_repositories.add(table)
    return [table for table in EMPTIED_FIRST_TO_LAST if table not in of_repositories]


_EMPTY_REGISTRIES = [table.delete() for table in _tables_beside_repositories()]
_DELETE_UPLOADS = uploads.delete()


def hide(transaction: Transaction, repository_id: int) -> None:
    """Take a repository out of its registry, with all that it has. `remove_some` follows."""
    transaction.change(_HIDE_ONE, repository=repository_id)
    transaction.change(_REPLACE_PREVIEWS)


def hide_all(transaction: Transaction) -> None:
    """Take all repositories out of their registries, and remove what else the registries have."""
    transaction.change(_HIDE)
    transaction.change(_REPLACE_PREVIEWS)
    transaction.change(_DELETE_UPLOADS)
    for statement in _EMPTY_REGISTRIES:
        transaction.change(statement)


def remove_some(transaction: Transaction) -> tuple[list[str], bool]:
    """Remove some rows that are out of sight. Return blobs that they let go, and whether there are more rows."""
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
    """Remove some rows of replaced previews. Return whether they were all that there were."""
    if _ANY_PREVIEW.first(transaction) is None:
        return True
    for statement in _DELETE_OF_PREVIEWS:
        if transaction.change(statement) == _RESULTS_AT_ONCE:
            return False
    transaction.change(_DELETE_PREVIEWS)
    return True


def end_work(transaction: Transaction) -> None:
    """Remove what goes on with images of hidden repositories, so that nobody looks after it."""
    for statement in _END_WORK:
        transaction.change(statement)


def are_any_hidden(view: View) -> bool:
    """Return whether there are rows for `remove_some`."""
    return _ANY.first(view) is not None or _ANY_PREVIEW.first(view) is not None
