"""Upload sessions: blobs while they arrive, for both protocols.

The row of an upload says how many bytes were acknowledged. Bytes go to the blob store first and the row follows, so
that what was acknowledged is always there and what is beyond it is cut off when the upload goes on. A power cut may
take the last steps of an upload back, never a blob.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.exc import IntegrityError

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerPartTooSmallException,
    UploadNotFoundException,
)
from moto_ecr_ext.models.base import RegistryBackend, repository_with
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import digest_of
from moto_ecr_ext.storage.blobs.store import UploadDiscarded, UploadSession, UploadTruncated
from moto_ecr_ext.storage.database.queries import Query
from moto_ecr_ext.storage.rows import tables

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html, "Minimum layer part size"
MIN_PART_SIZE = 5 * 1024 * 1024

# Seconds until an upload that was not completed is forgotten. How long AWS keeps one is not documented.
UPLOAD_LIFETIME = 24 * 60 * 60

_EXPIRED = Query(
    select(tables.uploads.c.id)
    .where(tables.uploads.c.started_at <= bindparam("expired"))
    .limit(100)
)
_UPLOAD = repository_with(
    tables.uploads.c.id,
    tables.uploads.c.started_at,
    tables.uploads.c.received,
    tables.uploads.c.parts,
    tables.uploads.c.first_part,
    tables.uploads.c.smallest_part,
    tables.uploads.c.last_part,
    joined=tables.repositories.outerjoin(
        tables.uploads,
        (tables.uploads.c.repository_id == tables.repositories.c.id)
        & (tables.uploads.c.id == bindparam("upload")),
    ),
)
_ADVANCE = tables.uploads.update().where(
    tables.uploads.c.id == bindparam("upload"), tables.uploads.c.received == bindparam("expected")
)
_DELETE = tables.uploads.delete().where(tables.uploads.c.id == bindparam("upload"))
_HOLDS = Query(
    select(tables.repository_blobs.c.size).where(
        tables.repository_blobs.c.repository_id == bindparam("repository"),
        tables.repository_blobs.c.digest == bindparam("blob"),
    )
)


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload session as it was acknowledged. Sizes are in bytes; `smallest_part` is among all but the last."""

    id: str
    repository: Repository
    received: int = 0
    parts: int = 0
    first_part: int | None = None
    smallest_part: int | None = None
    last_part: int | None = None

    def advanced(self, size: int) -> Upload:
        """This upload when it has `size` bytes, those that are new being one part."""
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
        """The error for bytes that this upload cannot take."""
        return InvalidLayerPartException(
            message,
            upload_id=self.id,
            repository_name=self.repository.repository_name,
            registry_id=self.repository.registry_id,
            last_valid_byte=self.last_byte,
        )

    @property
    def names(self) -> tuple[str, str, str]:
        """The facts that errors name: upload, repository, registry."""
        return self.id, self.repository.repository_name, self.repository.registry_id


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    """A blob that became part of its repository. `is_new` is False when the repository held it before."""

    digest: str
    is_new: bool


class UploadsBackend(RegistryBackend):
    """The life of an upload session."""

    def start_upload(self, repository_name: str, registry_id: str | None = None) -> Upload:
        """A new upload session. Raises RepositoryNotFoundException.

        Uploads whose time is over, of whichever repository, are removed on this occasion.
        """
        with self.store.database.write_swiftly() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            upload = Upload(str(uuid.uuid4()), repository)
            expired = _EXPIRED.all(transaction, {"expired": now() - UPLOAD_LIFETIME})
            for row in expired:
                transaction.execute(_DELETE, {"upload": row.id})
            transaction.execute(
                tables.uploads.insert(),
                {
                    "id": upload.id,
                    "repository_id": repository.id,
                    "started_at": now(),
                    "received": 0,
                    "parts": 0,
                },
            )
        for row in expired:
            self.store.discard_upload(row.id)
        return upload

    def find_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> Upload:
        """An upload session as it stands. Raises RepositoryNotFoundException and UploadNotFoundException."""
        with self._view(registry_id) as connection:
            return self._upload(connection, repository_name, upload_id, registry_id)

    @contextmanager
    def open_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> Iterator[tuple[Upload, UploadSession]]:
        """The upload and its bytes, for this caller alone until the block ends.

        Raises RepositoryNotFoundException and UploadNotFoundException.
        """
        with self.store.blobs.upload(upload_id) as session:
            upload = self.find_upload(repository_name, upload_id, registry_id)
            try:
                session.resume_at(upload.received)
                yield upload, session
            except UploadTruncated:
                self.cancel_upload(upload)
                raise UploadNotFoundException(*upload.names) from None
            except UploadDiscarded:
                # Cancelled, or gone with its repository, meanwhile.
                raise UploadNotFoundException(*upload.names) from None

    def advance_upload(self, upload: Upload, session: UploadSession) -> Upload:
        """Acknowledge the bytes that the session was given since it was opened, as one part; the upload then."""
        session.hand_over()
        advanced = upload.advanced(session.size)
        with self.store.database.write_swiftly() as transaction:
            moved = transaction.execute(
                _ADVANCE,
                {
                    "upload": upload.id,
                    "expected": upload.received,
                    "received": advanced.received,
                    "parts": advanced.parts,
                    "first_part": advanced.first_part,
                    "smallest_part": advanced.smallest_part,
                    "last_part": advanced.last_part,
                },
            ).rowcount
        if not moved:
            # Cancelled, or another server was faster, whose bytes are the upload's: not also these.
            session.resume_at(upload.received)
            raise UploadNotFoundException(*upload.names)
        return advanced

    def complete_upload(
        self,
        upload: Upload,
        session: UploadSession,
        digests: Collection[str],
    ) -> CompletedUpload:
        """Make the bytes a blob of the repository, if one of `digests` is theirs.

        Raises InvalidLayerException when none is; the upload is kept then.
        """
        digest = _matching_digest(session, digests)
        if digest is None:
            raise InvalidLayerException
        session.prepare(digest)
        with self.store.database.write() as transaction:
            self._upload(
                transaction,
                upload.repository.repository_name,
                upload.id,
                upload.repository.registry_id,
            )
            key = {"repository": upload.repository.id, "blob": digest}
            held = _HOLDS.first(transaction, key) is not None
            if not held:
                self._add_membership(transaction, upload.repository, digest, session.size)
            transaction.execute(_DELETE, {"upload": upload.id})
            # Last, since it cannot be undone; and where the commit fails, or the process is killed before it, the bytes
            # are the upload's still.
            session.publish(digest)
        return CompletedUpload(digest, not held)

    def store_blob(self, transaction: Connection, repository: Repository, content: bytes) -> None:
        """Make bytes that are at hand a blob of the repository. No more than a few: the transaction waits for them."""
        digest = digest_of(content)
        if _HOLDS.first(transaction, {"repository": repository.id, "blob": digest}) is None:
            self._add_membership(transaction, repository, digest, len(content))
            with self.store.blobs.upload(str(uuid.uuid4())) as session:
                session.write(content)
                session.publish(digest)

    def _add_membership(
        self, transaction: Connection, repository: Repository, digest: str, size: int
    ) -> None:
        try:
            transaction.execute(
                tables.repository_blobs.insert(),
                {"repository_id": repository.id, "digest": digest, "size": size},
            )
        except IntegrityError as error:
            # The repository was deleted while the blob arrived.
            raise UploadNotFoundException(
                digest, repository.repository_name, repository.registry_id
            ) from error

    def cancel_upload(self, upload: Upload) -> None:
        """Forget the upload and its bytes."""
        try:
            with self.store.database.write_swiftly() as transaction:
                transaction.execute(_DELETE, {"upload": upload.id})
        finally:
            # Also where the row cannot be removed, as on a disk that these bytes have filled.
            self.store.discard_upload(upload.id)

    def _upload(
        self,
        transaction: Connection,
        repository_name: str,
        upload_id: str,
        registry_id: str | None,
    ) -> Upload:
        repository, row = self._repository_with(
            _UPLOAD, transaction, repository_name, registry_id, upload=upload_id
        )
        if row.id is None or row.started_at <= now() - UPLOAD_LIFETIME:
            raise UploadNotFoundException(
                upload_id, repository.repository_name, repository.registry_id
            )
        return Upload(
            row.id,
            repository,
            row.received,
            row.parts,
            row.first_part,
            row.smallest_part,
            row.last_part,
        )


def check_parts(upload: Upload) -> None:
    """Raise when AWS would not accept the parts: EmptyUploadException, LayerPartTooSmallException."""
    if upload.received == 0:
        raise EmptyUploadException(*upload.names)
    if upload.smallest_part is not None and upload.smallest_part < MIN_PART_SIZE:
        raise LayerPartTooSmallException


def _matching_digest(session: UploadSession, digests: Collection[str]) -> str | None:
    for digest in digests:
        algorithm = digest.partition(":")[0]
        if algorithm in ("sha256", "sha512") and session.digest(algorithm) == digest:
            return digest
    return None
