"""Upload sessions of both protocols: started, opened, continued, cancelled; and the operations on layer uploads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility import (
    EMPTY_LAYERS,
    REPEATED_LAYERS,
    SMALL_LAYER_PARTS,
    UNCHECKED_LAYER_DIGESTS,
    UNCHECKED_PART_RANGES,
)
from moto_ecr_ext.exceptions import (
    EmptyUploadException,
    InvalidLayerException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    LimitExceededException,
    RepositoryName,
    UploadNotFoundException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import UploadCancelled, UploadDiscarded, UploadTruncated
from moto_ecr_ext.storage.blobs.names import is_upload_id

from .open_upload import UPLOAD_LIFETIME, CommittedBlob, OpenUpload, Upload, find_upload

# What InitiateLayerUpload recommends, in bytes.
PART_SIZE = 10 * 1024 * 1024

# How many of those whose time is over are removed when another one is started.
_MOST_EXPIRED = 100


class UploadsBackend(RegistryBackend):
    """The life of an upload session."""

    def start_upload(self, repository_name: str, registry_id: str | None = None) -> Upload:
        """Start an upload. Raises RepositoryNotFoundException.

        Uploads whose time is over, of whichever repository, are removed on this occasion.
        """
        with self.store.database.write(durable=False) as transaction:
            repository = self.repository(transaction, repository_name, registry_id)
            upload = Upload(str(uuid.uuid4()), repository)
            expired = rows.uploads.started_by(transaction, now() - UPLOAD_LIFETIME, _MOST_EXPIRED)
            for upload_id in expired:
                rows.uploads.delete(transaction, upload_id)
            rows.uploads.insert(transaction, upload.id, repository.id, now())
        for upload_id in expired:
            self.store.cancel_upload(upload_id)
        return upload

    def find_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> Upload:
        """Return an upload as it was acknowledged.

        Raises RepositoryNotFoundException, and UploadNotFoundException also for text that is no upload id.
        """
        self._check_upload_id(repository_name, upload_id, registry_id)
        with self.view(registry_id) as view:
            return find_upload(self, view, repository_name, upload_id, registry_id)

    @contextmanager
    def open_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> Iterator[OpenUpload]:
        """Open an upload for this caller alone, until the block ends. Others who want it wait.

        Raises as `find_upload`, and UploadNotFoundException for an upload that is cancelled during the block.
        """
        self._check_upload_id(repository_name, upload_id, registry_id)
        with self.store.blobs.upload(upload_id) as session:
            upload = self.find_upload(repository_name, upload_id, registry_id)
            try:
                session.resume_at(upload.received)
                yield OpenUpload(self, upload, session)
            except UploadTruncated:
                self._cancel(upload)
                raise UploadNotFoundException(upload.id, upload.repository) from None
            except UploadDiscarded:
                # Whoever tries again is to send all bytes.
                self._cancel(upload)
                raise
            except UploadCancelled:
                # Or gone with its repository.
                raise UploadNotFoundException(upload.id, upload.repository) from None

    @contextmanager
    def open_new_upload(
        self, repository_name: str, registry_id: str | None = None
    ) -> Iterator[OpenUpload]:
        """Open a new upload that is cancelled when the block fails. Raises RepositoryNotFoundException."""
        upload = self.start_upload(repository_name, registry_id)
        try:
            with self.open_upload(repository_name, upload.id, registry_id) as opened:
                yield opened
        except Exception:
            self._cancel(upload)
            raise

    def cancel_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> None:
        """Forget an upload and its bytes, without waiting for a caller that has it open. Raises as `find_upload`."""
        self._cancel(self.find_upload(repository_name, upload_id, registry_id))

    def _cancel(self, upload: Upload) -> None:
        try:
            with self.store.database.write(durable=False) as transaction:
                rows.uploads.delete(transaction, upload.id)
        finally:
            # Also where the row cannot be removed, as on a disk that these bytes have filled.
            self.store.cancel_upload(upload.id)

    def _check_upload_id(
        self, repository_name: str, upload_id: str, registry_id: str | None
    ) -> None:
        if not is_upload_id(upload_id):
            raise UploadNotFoundException(
                upload_id, RepositoryName(repository_name, registry_id or self.account_id)
            )

    def initiate_layer_upload(
        self, repository_name: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Start an upload session, and return its id and the size of its parts.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html
        """
        upload = self.start_upload(repository_name, registry_id)
        return {"uploadId": upload.id, "partSize": PART_SIZE}

    def upload_layer_part(
        self,
        repository_name: str,
        upload_id: str,
        part_first_byte: int,
        part_last_byte: int,
        layer_part_blob: bytes,
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """Append one part. An empty part adds nothing.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_UploadLayerPart.html
        """
        with self.open_upload(repository_name, upload_id.lower(), registry_id) as upload:
            before = upload.acknowledged
            before.check_continued_at(part_first_byte)
            # A range cannot say that it is empty, so that an empty part comes with a range of one byte or less.
            said = part_last_byte - part_first_byte + 1
            if (
                layer_part_blob
                and said != len(layer_part_blob)
                and not UNCHECKED_PART_RANGES.applies(f"partLastByte {part_last_byte}")
            ):
                raise before.invalid_part(
                    f"Size of the layer part is {len(layer_part_blob)} instead of {said}, "
                    f"which the range from {part_first_byte} to {part_last_byte} has"
                )
            if (
                not layer_part_blob
                and said > 1
                and not UNCHECKED_PART_RANGES.applies(f"partLastByte {part_last_byte}")
            ):
                raise before.invalid_part(
                    f"Size of the layer part is 0 instead of {said}, "
                    f"which the range from {part_first_byte} to {part_last_byte} has"
                )
            if before.parts >= (most := settings.quota("layer_parts")):
                raise LimitExceededException(
                    f"The maximum number of layer parts, {most}, has been reached."
                )
            if layer_part_blob:
                upload.append(layer_part_blob)
                upload.acknowledge()
        return {
            "registryId": before.repository.registry_id,
            "repositoryName": before.repository.repository_name,
            "uploadId": before.id,
            "lastByteReceived": upload.acknowledged.last_byte,
        }

    def complete_layer_upload(
        self,
        repository_name: str,
        upload_id: str,
        layer_digests: list[str],
        registry_id: str | None = None,
    ) -> dict[str, Any]:
        """End the upload with its bytes in the repository.

        LayerAlreadyExistsException says that they were there before; the upload has ended then too.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html
        """
        with self.open_upload(repository_name, upload_id.lower(), registry_id) as upload:
            _check_parts(upload)
            blob = _commit(upload, layer_digests)
        committed = upload.acknowledged
        if not blob.is_new and not REPEATED_LAYERS.applies(blob.digest):
            raise LayerAlreadyExistsException(blob.digest, committed.repository)
        return {
            "registryId": committed.repository.registry_id,
            "repositoryName": committed.repository.repository_name,
            "uploadId": committed.id,
            "layerDigest": blob.digest,
        }


def _check_parts(upload: OpenUpload) -> None:
    """Raise what CompleteLayerUpload has against the parts, unless moto has nothing against them."""
    try:
        upload.check_parts()
    except EmptyUploadException:
        if not EMPTY_LAYERS.applies("an upload without parts"):
            raise
    except LayerPartTooSmallException:
        if not SMALL_LAYER_PARTS.applies("a part of less than 5 MiB"):
            raise


def _commit(upload: OpenUpload, layer_digests: list[str]) -> CommittedBlob:
    """Make the bytes a blob, if one of the digests is theirs, or moto's way is taken, which does not ask."""
    # Any other text is the digest of no bytes.
    digests = list(filter(None, map(Digest.parse_or_none, layer_digests)))
    try:
        return upload.commit(digests)
    except InvalidLayerException:
        if not UNCHECKED_LAYER_DIGESTS.applies(", ".join(layer_digests)):
            raise
        return upload.commit([upload.digest])
