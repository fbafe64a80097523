"""Rows of blobs: membership in repositories, and references to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, case, exists, func, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from . import repositories
from .repositories import RepositoryRow
from .tables import image_references, images, repository_blobs
from .tables import repositories as repositories_table

# Values in one statement; SQLite accepts some 32,000.
_BATCH = 10_000


class BlobSizes(NamedTuple):
    """The smallest and the largest size of a blob, in bytes, among all repositories. They should be equal."""

    digest: str
    smallest: int
    largest: int


class BlobSize(NamedTuple):
    """The size in bytes of a blob that can be pulled."""

    size: int


class HeldBlob(NamedTuple):
    """A blob of a repository.

    `size` is in bytes. `media_type` is from any manifest that refers to the blob, or None.
    """

    digest: str
    size: int
    media_type: str | None
    is_referenced: bool
    is_in_active_image: bool


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
_IS_IN_ACTIVE_IMAGE = exists().where(
    image_references.c.repository_id == repository_blobs.c.repository_id,
    image_references.c.digest == repository_blobs.c.digest,
    images.c.id == image_references.c.image_id,
    images.c.status == "ACTIVE",
)
# One reference is enough; a base layer may have thousands.
_ANY_REFERENCE = (
    select(image_references.c.media_type)
    .where(
        image_references.c.repository_id == repository_blobs.c.repository_id,
        image_references.c.digest == repository_blobs.c.digest,
    )
    .limit(1)
)
_HELD_ROW = select(
    repository_blobs.c.digest,
    repository_blobs.c.size,
    _ANY_REFERENCE.scalar_subquery().label("media_type"),
    IS_REFERENCED.label("is_referenced"),
    _IS_IN_ACTIVE_IMAGE.label("is_in_active_image"),
)
_BY_DIGESTS = Query(
    HeldBlob,
    _HELD_ROW.where(
        _IN_REPOSITORY, repository_blobs.c.digest.in_(bindparam("digests", expanding=True))
    ),
)
_BY_DIGEST = Query(
    HeldBlob, _HELD_ROW.where(_IN_REPOSITORY, repository_blobs.c.digest == bindparam("blob"))
)
_IS_HELD: Scalars[int] = Scalars(
    select(repository_blobs.c.size).where(
        _IN_REPOSITORY, repository_blobs.c.digest == bindparam("blob")
    )
)
# A blob to which only archived images refer counts as missing.
_TO_PULL = repositories.joined_with(
    BlobSize,
    {"size": case((_IS_IN_ACTIVE_IMAGE | ~IS_REFERENCED, repository_blobs.c.size))},
    repositories_table.outerjoin(
        repository_blobs,
        (repository_blobs.c.repository_id == repositories_table.c.id)
        & (repository_blobs.c.digest == bindparam("blob")),
    ),
)
_DELETE = repository_blobs.delete().where(
    _IN_REPOSITORY, repository_blobs.c.digest == bindparam("blob")
)
_UNREFERENCED: Scalars[str] = Scalars(
    select(repository_blobs.c.digest).where(
        _IN_REPOSITORY,
        repository_blobs.c.digest.in_(bindparam("digests", expanding=True)),
        ~IS_REFERENCED,
    )
)
_DELETE_SOME = repository_blobs.delete().where(
    _IN_REPOSITORY, repository_blobs.c.digest.in_(bindparam("digests", expanding=True))
)
_IS_BLOB = repository_blobs.c.digest == bindparam("blob")
_DELETE_EVERYWHERE = repository_blobs.delete().where(_IS_BLOB)
_CORRECT_SIZE = repository_blobs.update().where(_IS_BLOB)


def sizes(view: View) -> list[BlobSizes]:
    """Return the sizes of all blobs in the rows of repositories."""
    return _SIZES.all(view)


def held_anywhere(view: View, wanted: Sequence[str]) -> set[str]:
    """Return those of the digests whose blobs any repository holds."""
    found: set[str] = set()
    for start in range(0, len(wanted), _BATCH):
        found.update(_HELD_ANYWHERE.all(view, digests=wanted[start : start + _BATCH]))
    return found


def are_there(view: View) -> bool:
    """Return True if any repository holds a blob."""
    return _ANY.first(view) is not None


def delete_everywhere(transaction: Transaction, digest: str) -> None:
    """Remove a blob from all repositories."""
    transaction.change(_DELETE_EVERYWHERE, blob=digest)


def correct_size(transaction: Transaction, digest: str, size: int) -> None:
    """Store another size of a blob, in bytes, in all repositories."""
    transaction.change(_CORRECT_SIZE, blob=digest, size=size)


def held(view: View, repository_id: int, digests: Sequence[str]) -> set[str]:
    """Return those of the digests whose blobs a repository holds."""
    return set(_HELD.all(view, repository=repository_id, digests=digests)) if digests else set()


def delete_unreferenced(
    transaction: Transaction, repository_id: int, digests: Sequence[str]
) -> list[str]:
    """Remove those of the blobs from a repository to which no image there refers. Return their digests."""
    gone: list[str] = []
    for start in range(0, len(digests), _BATCH):
        found = _UNREFERENCED.all(
            transaction, repository=repository_id, digests=digests[start : start + _BATCH]
        )
        transaction.change(_DELETE_SOME, repository=repository_id, digests=found)
        gone += found
    return gone


def to_pull(
    view: View, account_id: str, region: str, repository_name: str, digest: str
) -> tuple[RepositoryRow, BlobSize | None] | None:
    """Return a repository of a registry and a blob that it holds; no blob if only archived images refer to it."""
    return _TO_PULL.first(
        view, blob=digest, **repositories.named(account_id, region, repository_name)
    )


def by_digests(view: View, repository_id: int, digests: Sequence[str]) -> list[HeldBlob]:
    """Return those blobs of a repository whose digests are given."""
    return _BY_DIGESTS.all(view, repository=repository_id, digests=digests) if digests else []


def by_digest(view: View, repository_id: int, digest: str) -> HeldBlob | None:
    """Return a blob of a repository."""
    return _BY_DIGEST.first(view, repository=repository_id, blob=digest)


def is_held(view: View, repository_id: int, digest: str) -> bool:
    """Return True if a repository holds a blob."""
    return _IS_HELD.first(view, repository=repository_id, blob=digest) is not None


def insert(transaction: Transaction, repository_id: int, digest: str, size: int) -> None:
    """Add a blob to a repository. Raises RowRefused if the repository holds it already, or is gone."""
    transaction.insert(
        repository_blobs, {"repository_id": repository_id, "digest": digest, "size": size}
    )


def delete(transaction: Transaction, repository_id: int, digest: str) -> None:
    """Remove a blob from a repository."""
    transaction.change(_DELETE, repository=repository_id, blob=digest)
