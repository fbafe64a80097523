"""The images of a repository as lifecycle policies see them."""

from __future__ import annotations

from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.policies.lifecycle import StorageClass
from moto_ecr_ext.policies.lifecycle_evaluation import ImageFacts
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import ImageRow


def images_of(view: View, repository: Repository) -> tuple[dict[str, ImageRow], list[ImageFacts]]:
    """Return the images of a repository: their rows by digest, and what policies ask of them in the order of push."""
    images = rows.images.of_repository(view, repository.id)
    tags = rows.tags.of_images(view, repository.id, images)
    children = rows.references.children_by_image(view, repository.id)
    facts = [
        ImageFacts(
            digest=row.digest,
            pushed_at=row.pushed_at,
            tags=tuple(tags.get(row.id, ())),
            storage_class=(
                StorageClass.ARCHIVE if row.status == "ARCHIVED" else StorageClass.STANDARD
            ),
            pulled_at=row.last_pulled_at,
            archived_at=row.last_archived_at,
            activated_at=row.last_activated_at,
            children=tuple(children.get(row.id, ())),
            subject=row.subject,
        )
        for row in images
    ]
    return {row.digest: row for row in images}, facts
