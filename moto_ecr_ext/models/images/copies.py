"""Copies of images, from one repository to another of any registry.

All registries keep their bytes in one store, so that a copy is rows only.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, exists, select

from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.manifests import parse_manifest
from moto_ecr_ext.storage.rows import tables

from .images import ImagesBackend, PutResult

images, references, held = tables.images, tables.image_references, tables.repository_blobs

_CONTENT = select(images.c.manifest, images.c.media_type).where(
    images.c.id == bindparam("image_id")
)
_CHILDREN = (
    select(images.c.id, images.c.digest)
    .join(references, references.c.digest == images.c.digest)
    .where(
        references.c.image_id == bindparam("image_id"),
        references.c.kind == "manifest",
        images.c.repository_id == references.c.repository_id,
    )
)
_there = held.alias()
_COPY_MEMBERSHIP = held.insert().from_select(
    ["repository_id", "digest", "size"],
    select(bindparam("target", type_=BigInteger), held.c.digest, held.c.size)
    .join(
        references,
        (references.c.digest == held.c.digest)
        & (references.c.repository_id == held.c.repository_id),
    )
    .where(
        references.c.image_id == bindparam("image_id"),
        references.c.kind == "blob",
        ~exists().where(
            _there.c.repository_id == bindparam("target"), _there.c.digest == held.c.digest
        ),
    ),
)


def copy_image(
    backend: ImagesBackend, transaction: Connection, image: Any, target: Repository, tag: str | None
) -> PutResult:
    """Put an image into another repository, as a push of it would, under `tag` if there is one.

    `image` is any row of an image or a StoredImage, and `backend` the registry of `target`. The blobs that the image's
    repository holds come with it, and so do the children of an index that are there. The transaction is one of
    `database.write()`.

    Raises what `store_manifest` raises for a tag.
    """
    for child in _children(transaction, image):
        _copy(backend, transaction, child, target, None)
    return _copy(backend, transaction, image, target, tag)


def _copy(
    backend: ImagesBackend, transaction: Connection, image: Any, target: Repository, tag: str | None
) -> PutResult:
    transaction.execute(_COPY_MEMBERSHIP, {"image_id": image.id, "target": target.id})
    content = transaction.execute(_CONTENT, {"image_id": image.id}).one()
    manifest = parse_manifest(content.manifest, content.media_type)
    return backend.store_manifest(transaction, target, manifest, image.digest, tag)


def _children(transaction: Connection, image: Any) -> list[Any]:
    """All that an index lists, and what indexes among that list, each before those that list it."""
    found: dict[int, Any] = {}
    opened: set[int] = set()
    waiting = [image]
    while waiting:
        each = waiting[-1]
        if each.id in opened:
            found.setdefault(each.id, waiting.pop())
            continue
        opened.add(each.id)
        rows = transaction.execute(_CHILDREN, {"image_id": each.id}).all()
        waiting += [row for row in rows if row.id not in opened]
    del found[image.id]
    return list(found.values())
