"""Blobs of a repository in the registry protocol: open, mount, delete."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from moto_ecr_ext import arns
from moto_ecr_ext.caller import acting
from moto_ecr_ext.exceptions import LayersNotFoundException, RepositoryNotFoundException
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.exceptions.registry_protocol import BlobInUse
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.pull_through.rules import rule_for
from moto_ecr_ext.models.registry.account_settings import account_setting, stored_account_setting
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.errors import BlobNotFound
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.rows.blobs import HeldBlob

from .open_upload import add_blob

_Read = TypeVar("_Read")


class BlobsBackend(RegistryBackend):
    """Blobs by digest."""

    def open_blob(
        self, repository_name: str, digest: Digest, registry_id: str | None = None
    ) -> BlobReader:
        """Open a blob that the repository holds.

        Raises RepositoryNotFoundException, and LayersNotFoundException for a missing blob, one that only archived
        images refer to, and a damaged one. A client that checks before it pushes then pushes the blob again.
        """
        return self._pull(repository_name, digest, registry_id, self.store.open_blob)

    def size_of_blob(
        self, repository_name: str, digest: Digest, registry_id: str | None = None
    ) -> int:
        """Return the size of a blob in bytes, without opening it. Raises the errors of `open_blob`."""
        return self._pull(repository_name, digest, registry_id, self.store.size_of_blob)

    def _pull(
        self,
        repository_name: str,
        digest: Digest,
        registry_id: str | None,
        read: Callable[[Digest, int], _Read],
    ) -> _Read:
        """Return the result of `read` for the digest and size of a blob, unless it raises BlobNotFound."""
        account_id = registry_id or self.account_id
        with self.view(registry_id) as view:
            found = rows.blobs.to_pull(view, account_id, self.region_name, repository_name, digest)
            row, blob = found or (None, None)
            repository = self.admit(view, row, repository_name, account_id)
        if blob is not None:
            with suppress(BlobNotFound):
                return read(digest, blob.size)
        raise LayersNotFoundException(digest, repository)

    def mount_blob(
        self, repository_name: str, source_name: str, digest: Digest, registry_id: str | None = None
    ) -> bool:
        """Mount a blob from another repository of the registry that the caller may pull from.

        Return False if no blob can be mounted, or if the registry's account setting BLOB_MOUNTING is DISABLED. Raises
        RepositoryNotFoundException for the target only.
        """
        with self.store.database.write() as transaction:
            target = self.repository(transaction, repository_name, registry_id)
            setting = stored_account_setting(self, transaction, "BLOB_MOUNTING", target.registry_id)
            if setting == "DISABLED":
                return False
            source = self._readable(transaction, source_name, target.registry_id)
            if source is None:
                return False
            blob = rows.blobs.by_digest(transaction, source.id, digest)
            if blob is None or (blob.is_referenced and not blob.is_in_active_image):
                return False
            _hold(transaction, target, blob)
        return True

    def mount_layer_of_image(
        self, repository_name: str, source_name: str, digest: Digest, registry_id: str | None = None
    ) -> bool:
        """Mount a blob like `mount_blob`, if ECR would mount it.

        ECR's conditions: the registry's account setting BLOB_MOUNTING is on, no pull-through cache rule covers either
        repository, both have the same encryption, and an image of the source that is not archived refers to the blob.

        https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
        """
        with self.store.database.write() as transaction:
            target = self.repository(transaction, repository_name, registry_id)
            setting = account_setting(self, transaction, "BLOB_MOUNTING", target.registry_id)
            if setting != "ENABLED":
                return False
            if any(
                rule_for(transaction, target.registry_id, self.region_name, each)
                for each in (repository_name, source_name)
            ):
                return False
            source = self._readable(transaction, source_name, target.registry_id)
            if source is None:
                return False
            if source.encryption_configuration != target.encryption_configuration:
                return False
            blob = rows.blobs.by_digest(transaction, source.id, digest)
            if blob is None or not blob.is_in_active_image:
                return False
            _hold(transaction, target, blob)
        return True

    def delete_blob(
        self, repository_name: str, digest: Digest, registry_id: str | None = None
    ) -> None:
        """Remove a blob from a repository. Raises LayersNotFoundException, and BlobInUse if an image refers to it."""
        with self.store.database.write() as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            found = rows.blobs.by_digest(transaction, repository.id, digest)
            if found is None:
                raise LayersNotFoundException(digest, repository)
            if found.is_referenced:
                raise BlobInUse(digest)
            rows.blobs.delete(transaction, repository.id, digest)
            self.store.release_after_commit(transaction, [digest])

    def _readable(self, view: View, repository_name: str, registry_id: str) -> Repository | None:
        """Return a repository if the caller may download blobs from it, otherwise None."""
        with (
            acting("ecr:GetDownloadUrlForLayer"),
            suppress(RepositoryNotFoundException, AccessDeniedException),
        ):
            self.authorize(
                view, arns.repository_arn(registry_id, self.region_name, repository_name)
            )
            return self.repository(view, repository_name, registry_id)
        return None


def _hold(transaction: Transaction, repository: Repository, blob: HeldBlob) -> None:
    """Add the membership of a blob of another repository."""
    if not rows.blobs.is_held(transaction, repository.id, blob.digest):
        add_blob(transaction, repository, blob.digest, blob.size)
