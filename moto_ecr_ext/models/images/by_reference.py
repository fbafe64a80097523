"""An image by its reference, a tag or a digest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TypeAlias

from moto_ecr_ext import faults
from moto_ecr_ext.exceptions import ImageNotFoundException, NamedRepository
from moto_ecr_ext.exceptions.registry_protocol import PlaceholderImage
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import in_other_form
from moto_ecr_ext.oci.reference import Reference, Tag
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import StoredImage
from moto_ecr_ext.storage.rows.manifests import ManifestRow
from moto_ecr_ext.storage.rows.repositories import RepositoryRow

Condition: TypeAlias = Callable[[Collection[str]], None]
"""A condition of a change by reference.

It is called within the transaction, with the digests of the image that the reference names: its own, and that of its
translation if it has one; none if there is no such image. It raises an error to prevent the change.
"""


def unconditionally(digests: Collection[str]) -> None:
    """Accept every change: the `Condition` of a change that has none."""


def check_condition(condition: Condition, view: View, image: StoredImage | None) -> None:
    """Raise the error of a condition that an image, or its absence, does not meet."""
    if condition is unconditionally:
        return
    if image is None:
        condition(())
        return
    content = rows.images.content(view, image.id)
    translated = None
    if content is not None and not content.is_placeholder:
        translated = in_other_form(content.manifest, content.media_type)
    condition((image.digest, Digest.of(translated[0])) if translated else (image.digest,))


log = logging.getLogger("moto_ecr_ext")


def find_manifest(
    registry: RegistryBackend,
    view: View,
    repository_name: str,
    reference: Reference,
    registry_id: str | None = None,
) -> tuple[Repository, ManifestRow]:
    """Return a repository that the registry can access, and an image in it.

    Raises RepositoryNotFoundException, AccessDeniedException and ImageNotFoundException. A placeholder raises the last
    one too: only the JSON API has it.
    """
    account_id = registry_id or registry.account_id
    found = rows.manifests.by_reference(
        view, account_id, registry.region_name, repository_name, reference
    )
    return _admit(registry, view, found, repository_name, reference, account_id)


def find_original(
    registry: RegistryBackend,
    view: View,
    repository_name: str,
    digest: Digest,
    registry_id: str | None = None,
) -> tuple[Repository, ManifestRow]:
    """Return what `find_manifest` returns, by the digest of the image's translation."""
    account_id = registry_id or registry.account_id
    found = rows.translations.original(
        view, account_id, registry.region_name, repository_name, digest
    )
    return _admit(registry, view, found, repository_name, digest, account_id)


def _admit(
    registry: RegistryBackend,
    view: View,
    found: tuple[RepositoryRow, ManifestRow | None] | None,
    repository_name: str,
    reference: Reference,
    account_id: str,
) -> tuple[Repository, ManifestRow]:
    row, manifest = found or (None, None)
    repository = registry.admit(view, row, repository_name, account_id)
    if manifest is None or (faults.active and repository.hides(manifest.digest)):
        raise image_not_found(reference, repository)
    if manifest.is_placeholder:
        error = PlaceholderImage(manifest.digest, reference, repository)
        log.warning("%s/%s: %s", account_id, repository_name, error.reason)
        raise error
    return repository, manifest


def image_not_found(reference: Reference, repository: NamedRepository) -> ImageNotFoundException:
    """Return the error for an image that does not exist."""
    digest, tag = (None, reference) if isinstance(reference, Tag) else (reference, None)
    return ImageNotFoundException(digest, tag, repository)
