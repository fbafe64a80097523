"""Upload sessions of both protocols: start, open, find and cancel them; and the operations on layer uploads."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.clock import now
from moto_ecr_ext.compatibility.layers import LayerRules
from moto_ecr_ext.exceptions import (
    EmptyUploadException,
    InvalidLayerException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    LimitExceededException,
    UncheckedRepository,
    UploadNotFoundException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.blobs.errors import UploadCancelled, UploadDiscarded, UploadTruncated
from moto_ecr_ext.storage.blobs.names import is_upload_id

from .open_upload import UPLOAD_LIFETIME, CommittedBlob, OpenUpload, Upload, find_upload

# The part size that InitiateLayerUpload recommends, in bytes.
PART_SIZE = 10 * 1024 * 1024

# The largest number of expired uploads that are removed when another one is started.
_MOST_EXPIRED = 100


class UploadsBackend(RegistryBackend):
    """The life of an upload session."""

    def start_upload(self, repository_name: str, registry_id: str | None = None) -> Upload:
        """Start an upload. Raises RepositoryNotFoundException.

        It also removes expired uploads, of any repository.
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
        """Return the acknowledged state of an upload.

        Raises RepositoryNotFoundException, and UploadNotFoundException also for malformed upload ids.
        """
        self._check_upload_id(repository_name, upload_id, registry_id)
        with self.view(registry_id) as view:
            return find_upload(self, view, repository_name, upload_id, registry_id)

    @contextmanager
    def open_upload(
        self, repository_name: str, upload_id: str, registry_id: str | None = None
    ) -> Iterator[OpenUpload]:
        """Open an upload for this caller alone, until the block ends. Other callers wait.

        Raises the errors of `find_upload`, and UploadNotFoundException if the upload is cancelled during the block.
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
                # A retry must send all bytes again.
                self._cancel(upload)
                raise
            except UploadCancelled:
                # The upload was cancelled, or its repository was deleted.
                raise UploadNotFoundException(upload.id, upload.repository) from None

    @contextmanager
    def open_new_upload(
        self, repository_name: str, registry_id: str | None = None
    ) -> Iterator[OpenUpload]:
        """Open a new upload, which is cancelled if the block fails. Raises RepositoryNotFoundException."""
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
        """Cancel an upload, even if another caller has it open. Raises the errors of `find_upload`."""
        self._cancel(self.find_upload(repository_name, upload_id, registry_id))

    def _cancel(self, upload: Upload) -> None:
        try:
            with self.store.database.write(durable=False) as transaction:
                rows.uploads.delete(transaction, upload.id)
        finally:
            # Do so even if the row cannot be removed, for example on a disk that these bytes have filled.
            self.store.cancel_upload(upload.id)

    def _check_upload_id(
        self, repository_name: str, upload_id: str, registry_id: str | None
    ) -> None:
        if not is_upload_id(upload_id):
            raise UploadNotFoundException(
                upload_id, UncheckedRepository(repository_name, registry_id or self.account_id)
            )

    def initiate_layer_upload(
        self, repository_name: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """Start an upload session. Return its id, and the recommended size of its parts.

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
            # A range has at least one byte, so an empty part comes with a range of one byte or less.
            said = part_last_byte - part_first_byte + 1
            sent = len(layer_part_blob)
            fits = said == sent if sent else said <= 1
            if not fits and not self.rules.layers.accept_range(part_last_byte):
                raise before.invalid_part(
                    f"The layer part has {sent} bytes, "
                    f"but the range from {part_first_byte} to {part_last_byte} has {said}"
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
        """End an upload: its bytes become a blob of the repository.

        LayerAlreadyExistsException means that the repository held the blob before; it ends the upload too.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CompleteLayerUpload.html
        """
        with self.open_upload(repository_name, upload_id.lower(), registry_id) as upload:
            layers = self.rules.layers
            _check_parts(upload, layers)
            blob = _commit(upload, layer_digests, layers)
        committed = upload.acknowledged
        if not blob.is_new and not layers.accept_existing_layer(blob.digest):
            raise LayerAlreadyExistsException(blob.digest, committed.repository)
        return {
            "registryId": committed.repository.registry_id,
            "repositoryName": committed.repository.repository_name,
            "uploadId": committed.id,
            "layerDigest": blob.digest,
        }


def _check_parts(upload: OpenUpload, layers: LayerRules) -> None:
    """Raise the errors of CompleteLayerUpload about the parts, unless the rules accept them."""
    try:
        upload.check_parts()
    except EmptyUploadException:
        if not layers.accept_empty_upload():
            raise
    except LayerPartTooSmallException:
        if not layers.accept_small_parts():
            raise


def _commit(upload: OpenUpload, layer_digests: list[str], layers: LayerRules) -> CommittedBlob:
    """Make the bytes a blob, if one of the digests is theirs, or the rules accept other digests."""
    # Malformed digests match no bytes.
    digests = list(filter(None, map(Digest.parse_or_none, layer_digests)))
    try:
        return upload.commit(digests)
    except InvalidLayerException:
        if not layers.accept_digests(layer_digests):
            raise
        return upload.commit([upload.digest])
