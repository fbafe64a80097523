"""Blobs of a repository as the registry protocol asks for them: open, mount, delete."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from sqlalchemy import Connection, bindparam, case, exists, select

from moto_ecr_ext import hosts
from moto_ecr_ext.caller import acting
from moto_ecr_ext.exceptions import LayersNotFoundException, RepositoryNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.registry_protocol import BlobInUse
from moto_ecr_ext.models.base import repository_with
from moto_ecr_ext.models.pull_through.rules import PullThroughRulesBackend
from moto_ecr_ext.models.registry.account_settings import AccountSettingsBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.storage.blobs.store import Blob, BlobNotFound
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.rows import tables

from .layers import LayersBackend

_Read = TypeVar("_Read")

held, references = tables.repository_blobs, tables.image_references

_IS_REFERENCED = exists().where(
    references.c.repository_id == held.c.repository_id, references.c.digest == held.c.digest
)
_IS_BLOB = (held.c.repository_id == bindparam("repository")) & (held.c.digest == bindparam("blob"))
_FOUND = select(held.c.size, _IS_REFERENCED.label("is_referenced")).where(_IS_BLOB)
_SIZE = Query(select(held.c.size).where(_IS_BLOB))
_IS_IN_ACTIVE_IMAGE = exists().where(
    references.c.repository_id == held.c.repository_id,
    references.c.digest == held.c.digest,
    tables.images.c.id == references.c.image_id,
    tables.images.c.status == "ACTIVE",
)
_PULLED = repository_with(
    case((_IS_IN_ACTIVE_IMAGE | ~_IS_REFERENCED, held.c.size)).label("size"),
    joined=tables.repositories.outerjoin(
        held,
        (held.c.repository_id == tables.repositories.c.id) & (held.c.digest == bindparam("blob")),
    ),
)
_MOUNTED = select(held.c.size).where(_IS_BLOB, _IS_IN_ACTIVE_IMAGE)
_DELETE = held.delete().where(_IS_BLOB)


class BlobsBackend(PullThroughRulesBackend, LayersBackend, AccountSettingsBackend):
    """Blobs by digest."""

    def open_blob(self, repository_name: str, digest: str, registry_id: str | None = None) -> Blob:
        """A blob that the repository holds, open for reading.

        Raises RepositoryNotFoundException and LayersNotFoundException. A blob of archived images only is as good as
        missing, and so is one that is damaged: a client that asks before it pushes then pushes it again.
        """
        return self._pull(repository_name, digest, registry_id, self.store.open_blob)

    def size_of_blob(
        self, repository_name: str, digest: str, registry_id: str | None = None
    ) -> int:
        """The size in bytes of a blob that `open_blob` finds; it is not opened. Raises as that does."""
        return self._pull(repository_name, digest, registry_id, self.store.size_of_blob)

    def _pull(
        self,
        repository_name: str,
        digest: str,
        registry_id: str | None,
        read: Callable[[str, int], _Read],
    ) -> _Read:
        """What `read` gives for the digest and size of a blob, unless it raises BlobNotFound."""
        with self._view(registry_id) as connection:
            repository, row = self._repository_with(
                _PULLED, connection, repository_name, registry_id, blob=digest
            )
        if row.size is not None:
            with suppress(BlobNotFound):
                return read(digest, row.size)
        raise LayersNotFoundException(digest, repository)

    def mount_blob(
        self, repository_name: str, source_name: str, digest: str, registry_id: str | None = None
    ) -> bool:
        """Make a blob of another repository of the registry one of this repository too, where ECR would.

        That is: the registry's account setting BLOB_MOUNTING is on, no pull-through cache rule covers either
        repository, the caller may download from the source, both are encrypted alike, and an image of the source that
        is not archived refers to the blob. Otherwise False. Raises RepositoryNotFoundException for the target alone.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        """
        with self.store.database.write() as transaction:
            target = self._repository(transaction, repository_name, registry_id)
            setting = self._account_setting(transaction, "BLOB_MOUNTING", target.registry_id)
            if setting != "ENABLED":
                return False
            if any(
                self._rule_for(transaction, each, target.registry_id)
                for each in (repository_name, source_name)
            ):
                return False
            source = self._readable(transaction, source_name, target.registry_id)
            if source is None:
                return False
            if source.encryption_configuration != target.encryption_configuration:
                return False
            found = transaction.execute(
                _MOUNTED, {"repository": source.id, "blob": digest}
            ).one_or_none()
            if found is None:
                return False
            if not self._holds(transaction, target, digest):
                self._add_membership(transaction, target, digest, found.size)
        return True

    def delete_blob(
        self, repository_name: str, digest: str, registry_id: str | None = None
    ) -> None:
        """Take a blob out of a repository. Raises LayersNotFoundException, and BlobInUse when an image refers to it."""
        with self.store.database.write() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            key = {"repository": repository.id, "blob": digest}
            found = transaction.execute(_FOUND, key).one_or_none()
            if found is None:
                raise LayersNotFoundException(digest, repository)
            if found.is_referenced:
                raise BlobInUse(digest)
            transaction.execute(_DELETE, key)
            self.store.release_after_commit([digest])

    def _readable(
        self, transaction: Connection, repository_name: str, registry_id: str
    ) -> Repository | None:
        """A repository from which the caller may download blobs; None where there is none."""
        with (
            acting("ecr:GetDownloadUrlForLayer"),
            suppress(RepositoryNotFoundException, AccessDeniedException),
        ):
            self.authorize(
                transaction, hosts.repository_arn(registry_id, self.region_name, repository_name)
            )
            return self._repository(transaction, repository_name, registry_id)
        return None

    def _holds(self, transaction: Connection, repository: Repository, digest: str) -> bool:
        key = {"repository": repository.id, "blob": digest}
        return _SIZE.first(transaction, key) is not None
