"""Rows of blobs: which repository holds which, and what refers to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, exists, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .tables import image_references, repository_blobs

# SQLite takes some 32,000 values in a statement.
_BATCH = 10_000


class BlobSizes(NamedTuple):
    """The smallest and the largest size, in bytes, that repositories know a blob by; they should be one."""

    digest: str
    smallest: int
    largest: int


_DIGESTS: Scalars[str] = Scalars(select(repository_blobs.c.digest).distinct())
_SIZES = Query(
    BlobSizes,
    select(
        repository_blobs.c.digest,
        func.min(repository_blobs.c.size).label("smallest"),
        func.max(repository_blobs.c.size).label("largest"),
    ).group_by(repository_blobs.c.digest),
)
_HELD_ANYWHERE: Scalars[str] = Scalars(
    select(repository_blobs.c.digest)
    .where(repository_blobs.c.digest.in_(bindparam("digests", expanding=True)))
    .distinct()
)
_ANY: Scalars[str] = Scalars(select(repository_blobs.c.digest).limit(1))
_OF_REPOSITORY: Scalars[str] = Scalars(
    select(repository_blobs.c.digest).where(
        repository_blobs.c.repository_id == bindparam("repository")
    )
)
_IN_REPOSITORY = repository_blobs.c.repository_id == bindparam("repository")
_HELD: Scalars[str] = Scalars(
    select(repository_blobs.c.digest).where(
        _IN_REPOSITORY, repository_blobs.c.digest.in_(bindparam("digests", expanding=True))
    )
)
IS_REFERENCED = exists().where(
    image_references.c.repository_id == repository_blobs.c.repository_id,
    image_references.c.digest == repository_blobs.c.digest,
)
_DELETE_UNREFERENCED = repository_blobs.delete().where(
    _IN_REPOSITORY, repository_blobs.c.digest == bindparam("blob"), ~IS_REFERENCED
)
_IS_BLOB = repository_blobs.c.digest == bindparam("blob")
_DELETE_EVERYWHERE = repository_blobs.delete().where(_IS_BLOB)
_CORRECT_SIZE = repository_blobs.update().where(_IS_BLOB)


def digests(view: View) -> set[str]:
    """Return the digests of all blobs that any repository holds."""
    return set(_DIGESTS.all(view))


def sizes(view: View) -> list[BlobSizes]:
    """Return what repositories say of the sizes of all blobs."""
    return _SIZES.all(view)


def held_anywhere(view: View, wanted: Sequence[str]) -> set[str]:
    """Return those of the digests that any repository holds."""
    found: set[str] = set()
    for start in range(0, len(wanted), _BATCH):
        found.update(_HELD_ANYWHERE.all(view, digests=wanted[start : start + _BATCH]))
    return found


def are_there(view: View) -> bool:
    """Return whether any repository holds a blob."""
    return _ANY.first(view) is not None


def of_repository(view: View, repository_id: int) -> list[str]:
    """Return the digests of the blobs that a repository holds."""
    return _OF_REPOSITORY.all(view, repository=repository_id)


def delete_everywhere(transaction: Transaction, digest: str) -> None:
    """Take a blob out of all repositories."""
    transaction.change(_DELETE_EVERYWHERE, blob=digest)


def correct_size(transaction: Transaction, digest: str, size: int) -> None:
    """Store another size of a blob, in bytes, in all repositories."""
    transaction.change(_CORRECT_SIZE, blob=digest, size=size)


def held(view: View, repository_id: int, digests: Sequence[str]) -> set[str]:
    """Return those of the digests that a repository holds blobs of."""
    return set(_HELD.all(view, repository=repository_id, digests=digests)) if digests else set()


def delete_unreferenced(transaction: Transaction, repository_id: int, digest: str) -> bool:
    """Take a blob out of a repository unless an image there refers to it. Return whether it went."""
    return transaction.change(_DELETE_UNREFERENCED, repository=repository_id, blob=digest) > 0
