"""Registries and repositories as the page for people shows them: what they have, and how much. Nothing is changed."""

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

# Repositories that the overview of the store names.
_LARGEST = 10
# Blobs of a page of repositories for which it is counted what others share.
_MOST_BLOBS = 100_000


@dataclass(frozen=True, slots=True)
class RepositoryUsage:
    """A repository and what it has. `last_push` is in seconds since the epoch.

    `size` are the bytes of its blobs, `shared` those that another repository holds, too; None if it was not counted.
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
    """What the whole store has. Of `held` a blob counts once for each repository that holds it, of `stored` once."""

    stored: StoredSum
    held: StoredSum
    manifests: StoredSum
    uploads: StoredSum
    largest: list[tuple[Repository, int]]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search has found in all registries."""

    repositories: list[Repository]
    images: list[NamedImage]


class OverviewBackend(RegistryBackend):
    """Counts and searches. Those of one registry are of this one."""

    def secret_for(self, purpose: str) -> bytes:
        """Return a secret of the store, which servers of one database share, and which a reset leaves."""
        return hmac.digest(self.store.signing_key, purpose.encode(), hashlib.sha256)

    def registry_counts(self) -> list[RegistryCount]:
        """Return every registry of the store that has repositories, with its counts."""
        with self.store.database.read_one() as view:
            return rows.overview.counts_of_registries(view)

    def repositories_behind(self, name: str, count: int, search: str = "") -> list[RepositoryUsage]:
        """Return at most `count` repositories behind a name, by name, whose own names have a text in them."""
        with self.store.database.read() as view:
            found = rows.searches.page_of_repositories(
                view, self._registry_row, search, name, count
            )
            return _usages(view, found)

    def repositories_ahead_of(
        self, name: str, count: int, search: str = ""
    ) -> list[RepositoryUsage]:
        """Return the last `count` repositories ahead of a name, as `repositories_behind`."""
        with self.store.database.read() as view:
            found = rows.searches.repositories_before(view, self._registry_row, search, name, count)
            return _usages(view, found)

    def repository_usage(self, repository_name: str) -> RepositoryUsage:
        """Return a repository and what it has. Raises RepositoryNotFoundException."""
        with self.store.database.read() as view:
            repository = self.repository(view, repository_name)
            row = rows.repositories.by_id(view, repository.id)
            [usage] = _usages(view, [row], most_blobs=None)
        return usage

    def store_usage(self) -> StoreUsage:
        """Return what the whole store has, and which repositories hold the most bytes."""
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

    def search(self, text: str, count: int) -> Found:
        """Return at most `count` repositories and as many images that a text names, in all registries.

        A text names repositories and tags that have it in them, in any case, and digests that begin with it.
        """
        with self.store.database.read() as view:
            repositories = rows.searches.repositories_named_like(view, text, count)
            images = rows.searches.digests_like(view, text, count)
            images += rows.searches.tags_like(view, text, count)
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
