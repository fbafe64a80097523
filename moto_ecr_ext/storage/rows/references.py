"""Rows of references: the blobs and manifests to which an image's manifest refers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, bindparam, exists, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .images import ImageKey
from .tables import image_references, images, repository_blobs


class ReferenceRow(NamedTuple):
    """A blob or a manifest to which a manifest refers."""

    digest: str
    media_type: str | None


class _ChildOfImage(NamedTuple):
    image_id: int
    digest: str


class _Parent(NamedTuple):
    child: str
    digest: str


_IS_LISTING = image_references.c.kind == "manifest"
_PARENTS = Query(
    _Parent,
    select(image_references.c.digest.label("child"), images.c.digest)
    .join(images, images.c.id == image_references.c.image_id)
    .where(
        image_references.c.repository_id == bindparam("repository"),
        image_references.c.digest.in_(bindparam("children", expanding=True)),
        _IS_LISTING,
    )
    .order_by(images.c.digest),
)
_CHILDREN = Query(
    ImageKey,
    select(images.c.id, images.c.digest)
    .join(image_references, image_references.c.digest == images.c.digest)
    .where(
        image_references.c.image_id == bindparam("image"),
        _IS_LISTING,
        images.c.repository_id == image_references.c.repository_id,
    ),
)
_BLOBS_OF_IMAGES: Scalars[str] = Scalars(
    select(image_references.c.digest)
    .where(
        image_references.c.image_id.in_(bindparam("images", expanding=True)),
        image_references.c.kind == "blob",
    )
    .distinct()
)
_BLOBS_OF_IMAGE = Query(
    ReferenceRow,
    select(image_references.c.digest, image_references.c.media_type).where(
        image_references.c.image_id == bindparam("image"), image_references.c.kind == "blob"
    ),
)
_CHILDREN_OF_REPOSITORY = Query(
    _ChildOfImage,
    select(image_references.c.image_id, image_references.c.digest).where(
        image_references.c.repository_id == bindparam("repository"), _IS_LISTING
    ),
)
_there = repository_blobs.alias()
_COPY_MEMBERSHIP = repository_blobs.insert().from_select(
    ["repository_id", "digest", "size"],
    select(
        bindparam("target", type_=BigInteger), repository_blobs.c.digest, repository_blobs.c.size
    )
    .join(
        image_references,
        (image_references.c.digest == repository_blobs.c.digest)
        & (image_references.c.repository_id == repository_blobs.c.repository_id),
    )
    .where(
        image_references.c.image_id == bindparam("image"),
        image_references.c.kind == "blob",
        ~exists().where(
            _there.c.repository_id == bindparam("target"),
            _there.c.digest == repository_blobs.c.digest,
        ),
    ),
)


def blobs_of_image(view: View, image_id: int) -> list[ReferenceRow]:
    """Return the blobs to which an image refers, even if its repository does not hold them."""
    return _BLOBS_OF_IMAGE.all(view, image=image_id)


def blobs_of_images(view: View, image_ids: Sequence[int]) -> list[str]:
    """Return the digests of the blobs to which images refer, once each, even if their repository does not hold them."""
    return _BLOBS_OF_IMAGES.all(view, images=image_ids)


def parents(view: View, repository_id: int, digests: Sequence[str]) -> Mapping[str, list[str]]:
    """Return the digests of the indexes of a repository that list the given manifests, by the manifests' digests."""
    found: dict[str, list[str]] = {}
    for row in _PARENTS.all(view, repository=repository_id, children=digests):
        found.setdefault(row.child, []).append(row.digest)
    return found


def children(view: View, image_id: int) -> list[ImageKey]:
    """Return the images that an index lists and its repository has."""
    return _CHILDREN.all(view, image=image_id)


def children_by_image(view: View, repository_id: int) -> Mapping[int, list[str]]:
    """Return the digests that the indexes of a repository list, by the indexes' rows."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for row in _CHILDREN_OF_REPOSITORY.all(view, repository=repository_id):
        found[row.image_id].append(row.digest)
    return found


def insert_all(transaction: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add references of images."""
    transaction.insert_all(image_references, rows)


def copy_blobs(transaction: Transaction, image_id: int, repository_id: int) -> None:
    """Add the blobs of an image to another repository: those that its own repository holds."""
    transaction.change(_COPY_MEMBERSHIP, image=image_id, target=repository_id)
