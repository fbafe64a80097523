"""Queries over all rows, for the check for damage."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sqlalchemy import bindparam, select

from moto_ecr_ext.oci.media_types import is_distributed
from moto_ecr_ext.storage.database.queries import Query, Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from .images import IS_PLACEHOLDER, ImageKey
from .tables import image_references, images, repositories, repository_blobs, uploads


class LocatedImage(NamedTuple):
    """An image and the registry and repository that it is in."""

    account_id: str
    region: str
    name: str
    digest: str

    def __str__(self) -> str:
        return f"{self.account_id}/{self.region}/{self.name}@{self.digest}"


class Lack(NamedTuple):
    """An image, and a blob that it refers to and that its repository does not hold."""

    account_id: str
    region: str
    name: str
    image: str
    blob: str
    media_type: str | None


class Received(NamedTuple):
    """An upload session, and the number of its acknowledged bytes."""

    id: str
    received: int


_NAMES = (
    select(repositories.c.account_id, repositories.c.region, repositories.c.name, images.c.digest)
    .join(images, images.c.repository_id == repositories.c.id)
    .order_by(images.c.id)
)
_NAME_OF_IMAGE = Query(LocatedImage, _NAMES.where(images.c.id == bindparam("image")))
_IMAGES_WITH_BLOB = Query(
    LocatedImage,
    _NAMES.join(image_references, image_references.c.image_id == images.c.id)
    .join(
        repository_blobs,
        (repository_blobs.c.repository_id == images.c.repository_id)
        & (repository_blobs.c.digest == image_references.c.digest),
    )
    .where(repository_blobs.c.digest == bindparam("blob")),
)
_LACKS = Query(
    Lack,
    select(
        repositories.c.account_id,
        repositories.c.region,
        repositories.c.name,
        images.c.digest.label("image"),
        image_references.c.digest.label("blob"),
        image_references.c.media_type,
    )
    .join(images, images.c.repository_id == repositories.c.id)
    .join(image_references, image_references.c.image_id == images.c.id)
    .outerjoin(
        repository_blobs,
        (repository_blobs.c.repository_id == images.c.repository_id)
        & (repository_blobs.c.digest == image_references.c.digest),
    )
    .where(image_references.c.kind == "blob", repository_blobs.c.digest.is_(None))
    .order_by(images.c.id, image_references.c.digest),
)
_IMAGES = Query(ImageKey, select(images.c.id, images.c.digest).where(~IS_PLACEHOLDER))
_MANIFEST: Scalars[bytes] = Scalars(
    select(images.c.manifest).where(images.c.id == bindparam("image"))
)
_DELETE_IMAGE = images.delete().where(images.c.id == bindparam("image"))
_UPLOADS = Query(Received, select(uploads.c.id, uploads.c.received))
_RECEIVED: Scalars[int] = Scalars(
    select(uploads.c.received).where(uploads.c.id == bindparam("upload"))
)
_DELETE_UPLOAD = uploads.delete().where(uploads.c.id == bindparam("upload"))


def problems_of_sqlite(view: View) -> list[str]:
    """Return the problems that SQLite finds in its file; an empty list for another database."""
    if view.connection.dialect.name != "sqlite":
        return []
    # https://www.sqlite.org/pragma.html#pragma_integrity_check: "ok", or a row for each problem.
    said = view.connection.exec_driver_sql("PRAGMA integrity_check").scalars()
    strays = view.connection.exec_driver_sql("PRAGMA foreign_key_check")
    return [
        *(problem for problem in said if problem != "ok"),
        *(
            f"row {row_id} of {table} lacks its row in {other}"
            for table, row_id, other, *_ in strays
        ),
    ]


def images_with_manifests(view: View) -> list[ImageKey]:
    """Return every image except placeholders, whose digests are not computed from their texts."""
    return _IMAGES.all(view)


def manifest(view: View, image_id: int) -> bytes | None:
    """Return the manifest of an image, or None if the image is gone."""
    return _MANIFEST.first(view, image=image_id)


def name_of_image(view: View, image_id: int) -> list[LocatedImage]:
    """Return the name of an image; an empty list if it is gone."""
    return _NAME_OF_IMAGE.all(view, image=image_id)


def images_with_blob(view: View, digest: str) -> list[LocatedImage]:
    """Return the images that refer to a blob which their repository holds."""
    return _IMAGES_WITH_BLOB.all(view, blob=digest)


def lacks(view: View) -> dict[LocatedImage, list[str]]:
    """Return the incomplete images, each with the blobs that its repository does not hold.

    Layers that registries do not distribute, such as those of Windows, do not count.
    """
    found: defaultdict[LocatedImage, list[str]] = defaultdict(list)
    for row in _LACKS.all(view):
        if is_distributed(row.media_type):
            image = LocatedImage(row.account_id, row.region, row.name, row.image)
            found[image].append(row.blob)
    return found


def delete_image(transaction: Transaction, image_id: int) -> None:
    """Remove an image and its tags."""
    transaction.change(_DELETE_IMAGE, image=image_id)


def received_of_uploads(view: View) -> dict[str, int]:
    """Return the numbers of acknowledged bytes of all upload sessions, by id."""
    return {row.id: row.received for row in _UPLOADS.all(view)}


def received(view: View, upload_id: str) -> int | None:
    """Return the number of acknowledged bytes of an upload session, or None if it does not exist."""
    return _RECEIVED.first(view, upload=upload_id)


def delete_upload(transaction: Transaction, upload_id: str) -> None:
    """Remove an upload session."""
    transaction.change(_DELETE_UPLOAD, upload=upload_id)
