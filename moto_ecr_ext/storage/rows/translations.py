"""Rows of translations: digests of manifests in the translated form that clients received."""

from __future__ import annotations

from sqlalchemy import bindparam, null, select

from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage.database.queries import Scalars
from moto_ecr_ext.storage.database.transaction import Transaction, View

from . import repositories
from .manifests import COLUMNS, ManifestRow
from .repositories import RepositoryRow
from .tables import images, translations
from .tables import repositories as repositories_table

_IS_TRANSLATION = translations.c.digest == bindparam("translation")
_IMAGE: Scalars[int] = Scalars(
    select(translations.c.image_id).where(
        translations.c.repository_id == bindparam("repository"), _IS_TRANSLATION
    )
)
_ORIGINAL = repositories.joined_with(
    ManifestRow,
    {
        **COLUMNS,
        "checked_at": null(),
    },
    repositories_table.outerjoin(
        translations,
        (translations.c.repository_id == repositories_table.c.id) & _IS_TRANSLATION,
    ).outerjoin(images, images.c.id == translations.c.image_id),
)


def is_known(view: View, repository_id: int, digest: Digest) -> bool:
    """Return True if an image of a repository has this digest in another form."""
    return _IMAGE.first(view, repository=repository_id, translation=digest) is not None


def original(
    view: View, account_id: str, region: str, repository_name: str, digest: Digest
) -> tuple[RepositoryRow, ManifestRow | None] | None:
    """Return a repository of a registry, and its image that has this digest in another form."""
    return _ORIGINAL.first(
        view,
        translation=digest,
        **repositories.named(account_id, region, repository_name),
    )


def insert(transaction: Transaction, repository_id: int, digest: Digest, image_id: int) -> None:
    """Add the digest of an image in another form. Raises RowRefused if it exists, or the image is gone."""
    transaction.insert(
        translations, {"repository_id": repository_id, "digest": digest, "image_id": image_id}
    )
