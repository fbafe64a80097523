"""An upload session: what was acknowledged of it, and what one caller does with it while it is open.

The row of an upload says how many bytes were acknowledged. Bytes go to the blob store first and the row follows, so
that what was acknowledged is always there and what is beyond it is cut off when the upload goes on. A power cut may
take the last steps of an upload back, never a blob.
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

# Seconds until an upload that was not completed is forgotten. How long AWS keeps one is not documented.
UPLOAD_LIFETIME = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload as it was acknowledged. Sizes are in bytes; `smallest_part` is among all but the last."""

    id: str
    repository: Repository
    received: int = 0
    parts: int = 0
    first_part: int | None = None
    smallest_part: int | None = None
    last_part: int | None = None

    def advanced(self, size: int) -> Upload:
        """Return this upload with `size` bytes, the new ones being one part."""
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
        """The position of the last byte received; 0 when none was, since the API has no negative positions."""
        return max(self.received - 1, 0)

    def check_continued_at(self, position: int) -> None:
        """Raise InvalidLayerPartException for bytes that do not begin where those received end."""
        if position != self.received:
            raise self.invalid_part(
                f"First byte of the layer part is {position} instead of {self.received}"
            )

    def invalid_part(self, message: str) -> InvalidLayerPartException:
        """Return the error for bytes that this upload cannot take."""
        return InvalidLayerPartException(
            message,
            upload_id=self.id,
            repository=self.repository,
            last_valid_byte=self.last_byte,
        )


@dataclass(frozen=True, slots=True)
class CommittedBlob:
    """A blob that became part of its repository. `is_new` is False when the repository held it before."""

    digest: Digest
    is_new: bool


class OpenUpload:
    """An upload session while one caller has it, from `UploadsBackend.open_upload`.

    `acknowledged` is the upload without the bytes that were appended since.
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
        """Append bytes. Their buffer may be used for something else afterwards."""
        self._session.append(data)

    def acknowledge(self) -> None:
        """Acknowledge the bytes that were appended, as one part.

        Raises UploadNotFoundException when the upload was cancelled, or another server was faster.
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
            # The bytes of the faster server are the upload's: not also these.
            self._session.resume_at(before.received)
            raise UploadNotFoundException(before.id, before.repository)
        self.acknowledged = advanced

    def check_parts(self) -> None:
        """Raise when AWS would not accept the parts: EmptyUploadException, LayerPartTooSmallException."""
        parts = self._advanced()
        if parts.received == 0:
            raise EmptyUploadException(parts.id, parts.repository)
        if parts.smallest_part is not None and parts.smallest_part < MIN_PART_SIZE:
            raise LayerPartTooSmallException

    def commit(self, digests: Collection[Digest]) -> CommittedBlob:
        """Make all bytes a blob of the repository, if one of `digests` is theirs.

        Raises InvalidLayerException when none is; the upload is kept then.
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
            # Last, since it cannot be undone; and where the commit fails, or the process is killed before it, the bytes
            # are the upload's still.
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
    """Return an upload session of a repository that the registry reaches.

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
    """Have a repository hold a blob of `size` bytes. Raises UploadNotFoundException if the repository is gone."""
    try:
        rows.blobs.insert(transaction, repository.id, digest, size)
    except RowRefused as error:
        # The repository was deleted while the blob arrived.
        raise UploadNotFoundException(digest, repository) from error


def store_blob(
    registry: RegistryBackend, transaction: Transaction, repository: Repository, content: bytes
) -> None:
    """Make bytes that are at hand a blob of a repository. They are to be few: the transaction waits for them."""
    digest = Digest.of(content)
    if not rows.blobs.is_held(transaction, repository.id, digest):
        add_blob(transaction, repository, digest, len(content))
        with registry.store.blobs.upload(str(uuid.uuid4())) as session:
            session.append(content)
            session.commit(digest)
