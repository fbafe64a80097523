"""Copies of images between repositories of any registries.

All registries keep their bytes in one store, so a copy consists of rows only.
"""

from __future__ import annotations

from moto_ecr_ext.compatibility.placeholders import stored_manifest
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.images import StoredImage

from .push import store_manifest


def copy_image(
    registry: RegistryBackend,
    transaction: Transaction,
    image: StoredImage,
    target: Repository,
    tag: str | None,
) -> None:
    """Put an image into another repository as a push would, with `tag` if there is one.

    `registry` is that of `target`. The copy includes the image's blobs that its repository holds, and the children of
    an index that are there.

    Raises the errors of `store_manifest` for a tag.
    """
    for each in _with_children(transaction, image):
        copy_alone(registry, transaction, each, target, tag if each is image else None)


def copy_alone(
    registry: RegistryBackend,
    transaction: Transaction,
    image: StoredImage,
    target: Repository,
    tag: str | None,
) -> None:
    """Copy as `copy_image` does, without the children of an index."""
    content = rows.images.content(transaction, image.id)
    assert content is not None
    rows.references.copy_blobs(transaction, image.id, target.id)
    manifest = stored_manifest(content)
    store_manifest(registry, transaction, target, manifest, image.digest, tag)


def _with_children(view: View, image: StoredImage) -> list[StoredImage]:
    """Return an image and all descendants of an index, each before the indexes that list it."""
    found: dict[int, StoredImage] = {}
    opened: set[int] = set()
    waiting = [image]
    while waiting:
        each = waiting[-1]
        if each.id in opened:
            found.setdefault(each.id, waiting.pop())
            continue
        opened.add(each.id)
        waiting += [row for row in rows.references.children(view, each.id) if row.id not in opened]
    return list(found.values())
