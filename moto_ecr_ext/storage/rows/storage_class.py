"""Rows of images that move into the archive and back, and of the images that move with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, bindparam, exists, select

from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .images import COLUMNS, IN_REPOSITORY, IS_IMAGE, ImageRow, StoredImage
from .tables import image_activations, image_references, images, scans, tags


class Activation(NamedTuple):
    """An image on its way back from the archive, its start time, and the number of its descriptions since."""

    id: int
    digest: str
    repository_id: int
    started_at: float
    times_seen: int


# Aliases keep these tables apart from the same tables in other statements.
_parent, _listing = images.alias(), image_references.alias()
_IS_LISTED = exists().where(
    _listing.c.repository_id == images.c.repository_id,
    _listing.c.digest == images.c.digest,
    _listing.c.kind == "manifest",
    _parent.c.id == _listing.c.image_id,
    _parent.c.status != "ARCHIVED",
)
_IS_TAGGED = exists().where(tags.c.image_id == images.c.id)
_CHILDREN = (
    select(*COLUMNS)
    .join(image_references, image_references.c.digest == images.c.digest)
    .where(
        IN_REPOSITORY,
        image_references.c.image_id == bindparam("image"),
        image_references.c.kind == "manifest",
    )
)
_REFERRERS = select(*COLUMNS).where(IN_REPOSITORY, images.c.subject == bindparam("digest"))
_IS_LEFT_ALONE = (images.c.status == "ACTIVE") & ~_IS_LISTED
_LEFT_CHILDREN = Query(ImageRow, _CHILDREN.where(_IS_LEFT_ALONE, ~_IS_TAGGED))
_LEFT_REFERRERS = Query(ImageRow, _REFERRERS.where(_IS_LEFT_ALONE))
_ARCHIVED_CHILDREN = Query(ImageRow, _CHILDREN.where(images.c.status == "ARCHIVED"))
_ARCHIVED_REFERRERS = Query(ImageRow, _REFERRERS.where(images.c.status == "ARCHIVED"))
_INACTIVE_CHILDREN = Query(ImageRow, _CHILDREN.where(images.c.status != "ACTIVE"))
_INACTIVE_REFERRERS = Query(ImageRow, _REFERRERS.where(images.c.status != "ACTIVE"))

_LISTED: Scalars[bool] = Scalars(select(_IS_LISTED).where(IS_IMAGE))
_STATUS: Scalars[str] = Scalars(select(images.c.status).where(IS_IMAGE))
_STATUS_BY_DIGEST: Scalars[str] = Scalars(
    select(images.c.status).where(IN_REPOSITORY, images.c.digest == bindparam("digest"))
)
_UPDATE = images.update().where(IS_IMAGE)
_AMONG: BindParameter[int] = bindparam("images", expanding=True)
_ARCHIVE = images.update().where(images.c.id.in_(_AMONG)).values(status="ARCHIVED")
_DELETE_ACTIVATIONS = image_activations.delete().where(image_activations.c.image_id.in_(_AMONG))
_DELETE_SCANS = scans.delete().where(scans.c.image_id.in_(_AMONG))
_DELETE_ACTIVATION = image_activations.delete().where(
    image_activations.c.image_id == bindparam("image")
)
_SEE_AGAIN = (
    image_activations.update()
    .where(image_activations.c.image_id.in_(select(images.c.id).where(IN_REPOSITORY)))
    .values(times_seen=image_activations.c.times_seen + 1)
)
_ACTIVATIONS = (
    select(
        images.c.id,
        images.c.digest,
        images.c.repository_id,
        image_activations.c.started_at,
        image_activations.c.times_seen,
    )
    .join(images, images.c.id == image_activations.c.image_id)
    .order_by(images.c.id)
)
_ALL_ACTIVATIONS = Query(Activation, _ACTIVATIONS)
_ACTIVATION = Query(Activation, _ACTIVATIONS.where(IS_IMAGE))


def is_listed(view: View, image_id: int) -> bool:
    """Return True if an index that is not archived lists an image."""
    return bool(_LISTED.one(view, image=image_id))


def status(view: View, image_id: int) -> str:
    """Return the status of an image that exists."""
    return _STATUS.one(view, image=image_id)


def status_by_digest(view: View, repository_id: int, digest: str) -> str | None:
    """Return the status of an image, or None if the repository lacks it."""
    return _STATUS_BY_DIGEST.first(view, repository=repository_id, digest=digest)


def left_alone(view: View, repository_id: int, image: StoredImage) -> Iterator[ImageRow]:
    """Yield the images that follow an image into the archive: children that nothing else needs, then its referrers.

    The referrers are read after the caller has handled the children, here and below.
    """
    key = _key(repository_id, image)
    yield from _LEFT_CHILDREN.all(view, **key)
    yield from _LEFT_REFERRERS.all(view, **key)


def archived(view: View, repository_id: int, image: StoredImage) -> Iterator[ImageRow]:
    """Yield the archived children of an image, then its referrers."""
    key = _key(repository_id, image)
    yield from _ARCHIVED_CHILDREN.all(view, **key)
    yield from _ARCHIVED_REFERRERS.all(view, **key)


def inactive(view: View, repository_id: int, image: StoredImage) -> Iterator[ImageRow]:
    """Yield the children of an image that are archived or on their way back, then its referrers of that kind."""
    key = _key(repository_id, image)
    yield from _INACTIVE_CHILDREN.all(view, **key)
    yield from _INACTIVE_REFERRERS.all(view, **key)


def _key(repository_id: int, image: StoredImage) -> dict[str, Any]:
    return {"repository": repository_id, "image": image.id, "digest": image.digest}


def archive(transaction: Transaction, image_ids: Sequence[int], at: float) -> None:
    """Mark images as archived at this time, and remove their findings."""
    transaction.change(_ARCHIVE, images=image_ids, last_archived_at=at)
    transaction.change(_DELETE_ACTIVATIONS, images=image_ids)
    transaction.change(_DELETE_SCANS, images=image_ids)


def begin_activation(
    transaction: Transaction, repository_id: int, image: StoredImage, at: float
) -> Activation:
    """Mark an image of a repository as on its way back from this time on."""
    # Until the activation ends, its time is that of its beginning.
    transaction.change(_UPDATE, image=image.id, status="ACTIVATING", last_activated_at=round(at, 3))
    transaction.insert(image_activations, {"image_id": image.id, "started_at": at, "times_seen": 0})
    return Activation(image.id, image.digest, repository_id, started_at=at, times_seen=0)


def activate(transaction: Transaction, image_id: int, at: float) -> None:
    """Mark an image as back at this time."""
    transaction.change(_UPDATE, image=image_id, status="ACTIVE", last_activated_at=at)
    transaction.change(_DELETE_ACTIVATION, image=image_id)


def activations(view: View) -> Sequence[Activation]:
    """Return all images on their way back, in all registries."""
    return _ALL_ACTIVATIONS.all(view)


def activation(view: View, image_id: int) -> Activation | None:
    """Return the activation of an image, or None."""
    return _ACTIVATION.first(view, image=image_id)


def count_description_of_activations(transaction: Transaction, repository_id: int) -> None:
    """Count one more description of those images of a repository that are on their way back."""
    transaction.change(_SEE_AGAIN, repository=repository_id)
