"""Images. Reading them changes nothing: it records no pull and takes no queued finding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext.exceptions import LayersNotFoundException
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.images.by_reference import image_not_found
from moto_ecr_ext.models.reading.referrers import Referrer
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.reference import Reference
from moto_ecr_ext.page.queries.scans import ShownScan, shown_scan
from moto_ecr_ext.page.rows import searches, usage
from moto_ecr_ext.page.rows.searches import ImageFilter as ImageFilter
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.errors import BlobNotFound
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import Content, ImageRow
from moto_ecr_ext.storage.rows.replications import ReplicationRow

LAST_ROW = 2**63 - 1
"""A row behind all rows of images."""

# The largest numbers of entries that are shown of an image.
_REFERRERS = 100
_LAYER_USERS = 20


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image of a page, and all of its tags."""

    image: ImageRow
    tags: list[str]


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Images, the latest push first, and whether there are newer and older ones."""

    images: list[ListedImage]
    has_newer: bool
    has_older: bool


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image and everything that the store has of it.

    `held` are the sizes, in bytes, of those blobs of its manifest that its repository holds. `siblings` are the
    children that are images of the repository.
    """

    repository: Repository
    image: ImageRow
    tags: list[str]
    content: Content
    held: Mapping[str, int]
    siblings: Mapping[str, ListedImage]
    indexes: list[str]
    referrers: list[Referrer]
    artifacts_by_tag: Mapping[str, str]
    replications: list[ReplicationRow]
    scan: ShownScan | None


def images_before(
    registry: RegistryBackend, repository_name: str, row: int, count: int, wanted: ImageFilter
) -> ImagePage:
    """Return at most `count` images that were pushed before that of `row`. Raises RepositoryNotFoundException."""
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        found = searches.images_before(view, repository.id, wanted, row, count + 1)
        # All images from `row` on are older.
        newer = row < LAST_ROW and searches.images_after(view, repository.id, wanted, row - 1, 1)
        return ImagePage(_listed(view, found[:count]), bool(newer), len(found) > count)


def images_after(
    registry: RegistryBackend, repository_name: str, row: int, count: int, wanted: ImageFilter
) -> ImagePage:
    """Return at most `count` images that were pushed after that of `row`. Raises RepositoryNotFoundException."""
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        found = searches.images_after(view, repository.id, wanted, row, count + 1)
        older = searches.images_before(view, repository.id, wanted, row + 1, 1)
        return ImagePage(_listed(view, found[-count:]), len(found) > count, bool(older))


def view_image(registry: RegistryBackend, repository_name: str, reference: Reference) -> ImageView:
    """Return an image. Raises RepositoryNotFoundException and ImageNotFoundException."""
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        found = rows.images.by_reference(view, repository.id, reference)
        content = rows.images.content(view, found.image.id) if found else None
        if found is None or content is None:
            raise image_not_found(reference, repository)
        image = found.image
        blobs = [each.digest for each in rows.references.blobs_of_image(view, image.id)]
        children = [each.digest for each in rows.references.children(view, image.id)]
        parents = rows.references.parents(view, repository.id, [image.digest])
        return ImageView(
            repository=repository,
            image=image,
            tags=found.tags,
            content=content,
            held={
                each.digest: each.size for each in rows.blobs.by_digests(view, repository.id, blobs)
            },
            siblings=_by_digest(view, repository.id, children),
            indexes=parents.get(image.digest, []),
            referrers=_referrers(view, repository.id, image.digest),
            artifacts_by_tag=_artifacts_by_tag(view, repository.id, image.digest),
            replications=rows.replications.of_image(view, image.id),
            scan=shown_scan(registry, view, repository, image, found.tags),
        )


def view_blob(
    registry: RegistryBackend, repository_name: str, digest: Digest
) -> tuple[BlobReader, list[str]]:
    """Open a blob of a repository, and return it with the digests of images that refer to it.

    Raises RepositoryNotFoundException and LayersNotFoundException.
    """
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        held = rows.blobs.by_digest(view, repository.id, digest)
        users = usage.images_with_blob(view, repository.id, digest, _LAYER_USERS)
    if held is not None:
        try:
            return registry.store.open_blob(digest, held.size), users
        except BlobNotFound:
            pass
    raise LayersNotFoundException(digest, repository)


def _listed(view: View, images: Sequence[ImageRow]) -> list[ListedImage]:
    tags = rows.tags.of_each(view, [each.id for each in images]) if images else {}
    return [ListedImage(each, tags.get(each.id, [])) for each in images]


def _by_digest(view: View, repository_id: int, digests: Sequence[str]) -> dict[str, ListedImage]:
    if not digests:
        return {}
    found = rows.images.by_digests(view, repository_id, digests)
    return {digest: ListedImage(each.image, each.tags) for digest, each in found.items()}


def _referrers(view: View, repository_id: int, digest: str) -> list[Referrer]:
    found = rows.manifests.referrers(view, repository_id, digest, None, "ANY", 0, _REFERRERS)
    return [Referrer.of(row) for row in found]


def _artifacts_by_tag(view: View, repository_id: int, digest: str) -> dict[str, str]:
    """Return the digests of artifacts that belong to an image by their tags, as those of cosign 2 do.

    https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md, "Tag-based Discovery"
    """
    found: dict[str, Any] = {}
    for kind in ("sig", "att", "sbom"):
        tag = f"{digest.replace(':', '-')}.{kind}"
        tagged = rows.images.by_tag(view, repository_id, tag)
        if tagged is not None:
            found[tag] = tagged.image.digest
    return found
