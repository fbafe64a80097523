"""An upload session: its acknowledged state, and the changes of one caller while it is open.

The row of an upload has the number of acknowledged bytes. Bytes go to the blob store first and the row follows. So
acknowledged bytes are always there, and bytes beyond them are cut off when the upload continues. A power cut may undo
the last steps of an upload, never a blob.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerPartTooSmallException,
    UploadNotFoundException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.sessions import Buffer, UploadSession
from moto_ecr_ext.storage.database.transaction import RowRefused, Transaction, View

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Minimum layer part size"
MIN_PART_SIZE = 5 * 1024 * 1024

# Seconds until an unfinished upload is deleted. AWS does not document its value.
UPLOAD_LIFETIME = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Upload:
    """The acknowledged state of an upload. Sizes are in bytes; `smallest_part` ignores the last part."""

    id: str
    repository: Repository
    received: int = 0
    parts: int = 0
    first_part: int | None = None
    smallest_part: int | None = None
    last_part: int | None = None

    def advanced(self, size: int) -> Upload:
        """Return this upload with `size` bytes in all; the additional bytes are one part."""
        if size == self.received:
            return self
        part = size - self.received
        before = [each for each in (self.smallest_part, self.last_part) if each is not None]
        return Upload(
            id=self.id,
            repository=self.repository,
            received=size,
            parts=self.parts + 1,
            first_part=part if self.first_part is None else self.first_part,
            smallest_part=min(before, default=None),
            last_part=part,
        )

    @property
    def last_byte(self) -> int:
        """The position of the last byte received; 0 for an empty upload, since the API has no negative positions."""
        return max(self.received - 1, 0)

    def check_continued_at(self, position: int) -> None:
        """Raise InvalidLayerPartException if new bytes do not begin at the end of those received."""
        if position != self.received:
            raise self.invalid_part(
                f"First byte of the layer part is {position} instead of {self.received}"
            )

    def invalid_part(self, message: str) -> InvalidLayerPartException:
        """Return the error for a part that this upload refuses."""
        return InvalidLayerPartException(
            message,
            upload_id=self.id,
            repository=self.repository,
            last_valid_byte=self.last_byte,
        )


@dataclass(frozen=True, slots=True)
class CommittedBlob:
    """A blob that became part of its repository. `is_new` is False if the repository held it before."""

    digest: Digest
    is_new: bool


class OpenUpload:
    """An upload session that one caller has opened, by `UploadsBackend.open_upload`.

    `acknowledged` is the upload without the bytes that were appended since then.
    """

    def __init__(
        self, registry: RegistryBackend, acknowledged: Upload, session: UploadSession
    ) -> None:
        self.acknowledged = acknowledged
        self._registry = registry
        self._database = registry.store.database
        self._session = session

    @property
    def appended(self) -> int:
        """The number of bytes that are appended and not acknowledged."""
        return self._session.size - self.acknowledged.received

    @property
    def digest(self) -> Digest:
        """The sha256 of the bytes so far."""
        return Digest(self._session.digest())

    def append(self, data: Buffer) -> None:
        """Append bytes. The caller may reuse their buffer afterwards."""
        self._session.append(data)

    def acknowledge(self) -> None:
        """Acknowledge the appended bytes as one part.

        Raises UploadNotFoundException if the upload was cancelled, or another server was faster.
        """
        self._session.acknowledge()
        before, advanced = self.acknowledged, self._advanced()
        with self._database.write(durable=False) as transaction:
            moved = rows.uploads.advance(
                transaction,
                before.id,
                expected=before.received,
                received=advanced.received,
                parts=advanced.parts,
                first_part=advanced.first_part,
                smallest_part=advanced.smallest_part,
                last_part=advanced.last_part,
            )
        if not moved:
            # The other server's bytes are part of the upload; these are discarded.
            self._session.resume_at(before.received)
            raise UploadNotFoundException(before.id, before.repository)
        self.acknowledged = advanced

    def check_parts(self) -> None:
        """Raise EmptyUploadException or LayerPartTooSmallException if AWS would not accept the parts."""
        parts = self._advanced()
        if parts.received == 0:
            raise EmptyUploadException(parts.id, parts.repository)
        if parts.smallest_part is not None and parts.smallest_part < MIN_PART_SIZE:
            raise LayerPartTooSmallException

    def commit(self, digests: Collection[Digest]) -> CommittedBlob:
        """Make the upload a blob of the repository, if one of `digests` is the digest of its bytes.

        Otherwise raises InvalidLayerException; the upload is kept.
        """
        digest = next(filter(self._session.has_digest, digests), None)
        if digest is None:
            raise InvalidLayerException
        self._session.prepare_commit(digest)
        upload_id, repository = self.acknowledged.id, self.acknowledged.repository
        with self._database.write() as transaction:
            find_upload(
                self._registry,
                transaction,
                repository.repository_name,
                upload_id,
                repository.registry_id,
            )
            held = rows.blobs.is_held(transaction, repository.id, digest)
            if not held:
                add_blob(transaction, repository, digest, self._session.size)
            rows.uploads.delete(transaction, upload_id)
            # This is the last step, since it cannot be undone. If the transaction fails or the process is killed before
            # it, the bytes still belong to the upload.
            self._session.commit(digest)
        return CommittedBlob(digest, not held)

    def _advanced(self) -> Upload:
        return self.acknowledged.advanced(self._session.size)


def find_upload(
    registry: RegistryBackend,
    view: View,
    repository_name: str,
    upload_id: str,
    registry_id: str | None,
) -> Upload:
    """Return an upload session of a repository that the registry can access.

    Raises RepositoryNotFoundException and UploadNotFoundException.
    """
    account_id = registry_id or registry.account_id
    found = rows.uploads.by_id(view, account_id, registry.region_name, repository_name, upload_id)
    repository_row, row = found or (None, None)
    repository = registry.admit(view, repository_row, repository_name, account_id)
    if row is None or row.started_at <= now() - UPLOAD_LIFETIME:
        raise UploadNotFoundException(upload_id, repository)
    return Upload(
        id=row.id,
        repository=repository,
        received=row.received,
        parts=row.parts,
        first_part=row.first_part,
        smallest_part=row.smallest_part,
        last_part=row.last_part,
    )


def add_blob(transaction: Transaction, repository: Repository, digest: str, size: int) -> None:
    """Add the membership of a blob of `size` bytes. Raises UploadNotFoundException if the repository was deleted."""
    try:
        rows.blobs.insert(transaction, repository.id, digest, size)
    except RowRefused as error:
        # The repository was deleted while the blob arrived.
        raise UploadNotFoundException(digest, repository) from error


def store_blob(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, content: bytes
) -> None:
    """Store bytes as a blob of a repository. They must be few, since the transaction is open meanwhile."""
    digest = Digest.of(content)
    if not rows.blobs.is_held(transaction, repository.id, digest):
        add_blob(transaction, repository, digest, len(content))
        with registry.store.blobs.upload(str(uuid.uuid4())) as session:
            session.append(content)
            session.commit(digest)
