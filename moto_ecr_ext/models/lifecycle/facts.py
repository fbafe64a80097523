"""The images of a repository as lifecycle policies evaluate them."""

from __future__ import annotations

from collections.abc import Iterable

from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import StorageClass
from moto_ecr_ext.policies.lifecycle_evaluation import ImageFacts
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.base import Database
from moto_ecr_ext.storage.rows.images import ImageRow

# The number of images that are read at once: a view of a database in memory blocks all others.
_READ_AT_ONCE = 1000


def images_of(database: Database, repository: Repository) -> list[ImageFacts]:
    """Return the facts of the images of a repository, in the order of push.

    They are read in batches, so a concurrent change may be in some of them only.
    """
    with database.read() as view:
        children = rows.references.children_by_image(view, repository.id)
    facts: list[ImageFacts] = []
    after = 0
    while True:
        with database.read() as view:
            page = rows.images.page(view, repository.id, "ANY", "ANY", after, _READ_AT_ONCE)
            tags = rows.tags.of_images(view, repository.id, page)
        facts += [facts_of(row, tags.get(row.id, ()), children.get(row.id, ())) for row in page]
        if len(page) < _READ_AT_ONCE:
            return facts
        after = page[-1].id


def facts_of(row: ImageRow, tags: Iterable[str], children: Iterable[str]) -> ImageFacts:
    """Return the facts of one image."""
    return ImageFacts(
        digest=row.digest,
        pushed_at=row.pushed_at,
        tags=tuple(tags),
        storage_class=StorageClass.ARCHIVE if row.status == "ARCHIVED" else StorageClass.STANDARD,
        pulled_at=row.last_pulled_at,
        archived_at=row.last_archived_at,
        activated_at=row.last_activated_at,
        children=tuple(children),
        subject=row.subject,
    )
