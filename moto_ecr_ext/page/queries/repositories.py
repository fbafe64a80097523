"""Registries and repositories: their contents and sizes. Reading them changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.page.rows import searches, usage
from moto_ecr_ext.page.rows.searches import FoundImage
from moto_ecr_ext.page.rows.usage import RegistryCount
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.repositories import RegistryRow, RepositoryRow
from moto_ecr_ext.storage.rows.totals import Total

# The number of repositories that the overview of the store names.
_LARGEST = 10
# The largest number of blobs of a page of repositories for which shared bytes are counted.
_MOST_BLOBS = 100_000


@dataclass(frozen=True, slots=True)
class RepositoryUsage:
    """A repository and its contents. `last_push` is in seconds since the epoch.

    `size` is the number of bytes of its blobs; `shared` is that of blobs in other repositories too, or None if not
    counted.
    """

    repository: Repository
    images: int
    tags: int
    blobs: int
    size: int
    shared: int | None
    last_push: float | None


@dataclass(frozen=True, slots=True)
class StoreUsage:
    """The contents of the whole store. `held` counts a blob once for each repository that holds it, `stored` once."""

    stored: Total
    held: Total
    manifests: Total
    uploads: Total
    largest: list[tuple[Repository, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a search in all registries."""

    repositories: list[Repository]
    images: list[FoundImage]


def registry_counts(registry: RegistryBackend) -> list[RegistryCount]:
    """Return the registries of the store that have repositories, with their counts."""
    with registry.store.database.read_one() as view:
        return usage.counts_of_registries(view)


def repositories_after(
    registry: RegistryBackend, name: str, count: int, search: str = ""
) -> list[RepositoryUsage]:
    """Return at most `count` repositories after a name, in order, whose names contain a text."""
    with registry.store.database.read() as view:
        found = searches.page_of_repositories(view, _row(registry), search, name, count)
        return _usages(view, found)


def repositories_before(
    registry: RegistryBackend, name: str, count: int, search: str = ""
) -> list[RepositoryUsage]:
    """Return the last `count` repositories before a name, otherwise like `repositories_after`."""
    with registry.store.database.read() as view:
        found = searches.repositories_before(view, _row(registry), search, name, count)
        return _usages(view, found)


def repository_usage(registry: RegistryBackend, repository_name: str) -> RepositoryUsage:
    """Return a repository and its contents. Raises RepositoryNotFoundException."""
    with registry.store.database.read() as view:
        repository = registry.repository(view, repository_name)
        row = rows.repositories.by_id(view, repository.id)
        [found] = _usages(view, [row], most_blobs=None)
    return found


def store_usage(registry: RegistryBackend) -> StoreUsage:
    """Return the contents of the whole store, and the repositories with the most bytes."""
    with registry.store.database.read() as view:
        return StoreUsage(
            stored=rows.totals.stored_blobs(view),
            held=usage.held(view),
            manifests=usage.manifests(view),
            uploads=rows.totals.open_uploads(view),
            largest=[
                (Repository.of(row), sums.size)
                for row, sums in usage.largest_repositories(view, _LARGEST)
            ],
        )


def search_all(registry: RegistryBackend, text: str, count: int, repository: str = "") -> Found:
    """Return at most `count` repositories and as many images that match a text, in all registries.

    Names and tags that contain it match, in any case, and digests that begin with it. With `repository`, only
    images in repositories of this name match.
    """
    with registry.store.database.read() as view:
        repositories = [] if repository else searches.repositories_named_like(view, text, count)
        images = searches.digests_like(view, text, count, repository)
        images += searches.tags_like(view, text, count, repository)
    return Found([Repository.of(row) for row in repositories], images[:count])


def _row(registry: RegistryBackend) -> RegistryRow:
    return RegistryRow(registry.account_id, registry.region_name)


def _usages(
    view: View, found: Sequence[RepositoryRow], most_blobs: int | None = _MOST_BLOBS
) -> list[RepositoryUsage]:
    ids = [row.id for row in found]
    images = usage.image_counts(view, ids)
    tags = usage.tag_counts(view, ids)
    blobs = usage.blob_sums(view, ids)
    number_of_blobs = sum(each.number for each in blobs.values())
    is_counted = most_blobs is None or number_of_blobs <= most_blobs
    shared = usage.shared_sizes(view, ids) if is_counted else {}
    pushed_at = usage.push_times(view, [each.last_id for each in images.values()])
    return [
        RepositoryUsage(
            repository=Repository.of(row),
            images=images[row.id].number if row.id in images else 0,
            tags=tags.get(row.id, 0),
            blobs=blobs[row.id].number if row.id in blobs else 0,
            size=int(blobs[row.id].size) if row.id in blobs else 0,
            shared=shared.get(row.id, 0) if is_counted else None,
            last_push=pushed_at.get(images[row.id].last_id) if row.id in images else None,
        )
        for row in found
    ]
