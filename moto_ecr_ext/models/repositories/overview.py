"""Registries and repositories for the web page: their contents and sizes. Reading them changes nothing."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.overview import RegistryCount, StoredSum
from moto_ecr_ext.storage.rows.repositories import RegistryRow, RepositoryRow
from moto_ecr_ext.storage.rows.searches import NamedImage

from .repository import Repository

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

    stored: StoredSum
    held: StoredSum
    manifests: StoredSum
    uploads: StoredSum
    largest: list[tuple[Repository, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """The results of a search in all registries."""

    repositories: list[Repository]
    images: list[NamedImage]


class OverviewBackend(RegistryBackend):
    """Counts and searches. They cover this registry, unless they say otherwise."""

    def secret_for(self, purpose: str) -> bytes:
        """Return a secret of the store. Servers of one database share it, and a reset keeps it."""
        return hmac.digest(self.store.signing_key, purpose.encode(), hashlib.sha256)

    def registry_counts(self) -> list[RegistryCount]:
        """Return the registries of the store that have repositories, with their counts."""
        with self.store.database.read_one() as view:
            return rows.overview.counts_of_registries(view)

    def repositories_behind(self, name: str, count: int, search: str = "") -> list[RepositoryUsage]:
        """Return at most `count` repositories behind a name, in order, whose names contain a text."""
        with self.store.database.read() as view:
            found = rows.searches.page_of_repositories(
                view, self._registry_row, search, name, count
            )
            return _usages(view, found)

    def repositories_ahead_of(
        self, name: str, count: int, search: str = ""
    ) -> list[RepositoryUsage]:
        """Return the last `count` repositories ahead of a name, otherwise like `repositories_behind`."""
        with self.store.database.read() as view:
            found = rows.searches.repositories_before(view, self._registry_row, search, name, count)
            return _usages(view, found)

    def repository_usage(self, repository_name: str) -> RepositoryUsage:
        """Return a repository and its contents. Raises RepositoryNotFoundException."""
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name)
            row = rows.repositories.by_id(view, repository.id)
            [usage] = _usages(view, [row], most_blobs=None)
        return usage

    def store_usage(self) -> StoreUsage:
        """Return the contents of the whole store, and the repositories with the most bytes."""
        with self.store.database.read() as view:
            return StoreUsage(
                stored=rows.overview.stored(view),
                held=rows.overview.held(view),
                manifests=rows.overview.manifests(view),
                uploads=rows.overview.open_uploads(view),
                largest=[
                    (Repository.of(row), sums.size)
                    for row, sums in rows.overview.largest_repositories(view, _LARGEST)
                ],
            )

    def search(self, text: str, count: int, repository: str = "") -> Found:
        """Return at most `count` repositories and as many images that match a text, in all registries.

        Names and tags that contain it match, in any case, and digests that begin with it. With `repository`, only
        images in repositories of this name match.
        """
        with self.store.database.read() as view:
            repositories = (
                [] if repository else rows.searches.repositories_named_like(view, text, count)
            )
            images = rows.searches.digests_like(view, text, count, repository)
            images += rows.searches.tags_like(view, text, count, repository)
        return Found([Repository.of(row) for row in repositories], images[:count])

    @property
    def _registry_row(self) -> RegistryRow:
        return RegistryRow(self.account_id, self.region_name)


def _usages(
    view: View, found: Sequence[RepositoryRow], most_blobs: int | None = _MOST_BLOBS
) -> list[RepositoryUsage]:
    ids = [row.id for row in found]
    images = rows.overview.image_counts(view, ids)
    tags = rows.overview.tag_counts(view, ids)
    blobs = rows.overview.blob_sums(view, ids)
    number_of_blobs = sum(each.number for each in blobs.values())
    is_counted = most_blobs is None or number_of_blobs <= most_blobs
    shared = rows.overview.shared_sizes(view, ids) if is_counted else {}
    pushed_at = rows.overview.push_times(view, [each.last_id for each in images.values()])
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
