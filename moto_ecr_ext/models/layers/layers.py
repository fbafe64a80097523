"""Layers as the JSON protocol has them: uploaded in parts, checked, downloaded by a signed URL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, exists, select

from moto_ecr_ext.exceptions import (
    LayerAlreadyExistsException,
    LayerInaccessibleException,
    LayersNotFoundException,
    LimitExceededException,
)
from moto_ecr_ext.hosts import Registry
from moto_ecr_ext.oci.digest import API_DIGEST_PATTERN, is_api_digest
from moto_ecr_ext.oci.media_types import DOCKER_LAYER_GZIP
from moto_ecr_ext.storage.rows import tables
from moto_ecr_ext.tokens import download_url

from .uploads import UploadsBackend, check_parts

# What InitiateLayerUpload recommends, and how many parts a layer may have
# (https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html).
PART_SIZE = 10 * 1024 * 1024
MAX_PARTS = 4200

# The media type of a blob that no manifest has named yet.
_UNNAMED_MEDIA_TYPE = DOCKER_LAYER_GZIP

# One reference tells enough; a base layer may have thousands.
_ANY_REFERENCE = (
    select(tables.image_references.c.media_type)
    .where(
        tables.image_references.c.repository_id == tables.repository_blobs.c.repository_id,
        tables.image_references.c.digest == tables.repository_blobs.c.digest,
    )
    .limit(1)
)
_IS_IN_ACTIVE_IMAGE = exists().where(
    tables.image_references.c.repository_id == tables.repository_blobs.c.repository_id,
    tables.image_references.c.digest == tables.repository_blobs.c.digest,
    tables.images.c.id == tables.image_references.c.image_id,
    tables.images.c.status == "ACTIVE",
)
_HELD = select(
    tables.repository_blobs.c.digest,
    tables.repository_blobs.c.size,
    _ANY_REFERENCE.scalar_subquery().label("media_type"),
    _ANY_REFERENCE.exists().label("is_referenced"),
    _IS_IN_ACTIVE_IMAGE.label("is_in_active_image"),
).where(
    tables.repository_blobs.c.repository_id == bindparam("repository"),
    tables.repository_blobs.c.digest.in_(bindparam("digests", expanding=True)),
)


class LayersBackend(UploadsBackend):
    """Operations on layers and their uploads."""

    def batch_check_layer_availability(
        self, repository_name: str, layer_digests: list[str], registry_id: str | None = None
    ) -> dict[str, Any]:
        """One entry for each digest: in `layers` whether the repository holds it, in `failures` if it is none.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html
        """
        layers, failures = [], []
        digests = [digest for digest in layer_digests if is_api_digest(digest)]
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            held = {
                row.digest: row
                for row in transaction.execute(
                    _HELD, {"repository": repository.id, "digests": digests}
                )
            }
        for digest in dict.fromkeys(layer_digests):
            if digest in held:
                is_archived = held[digest].is_referenced and not held[digest].is_in_active_image
                layers.append(
                    {
                        "layerDigest": digest,
                        "layerAvailability": "ARCHIVED" if is_archived else "AVAILABLE",
                        "layerSize": held[digest].size,
                        "mediaType": held[digest].media_type or _UNNAMED_MEDIA_TYPE,
                    }
                )
            elif is_api_digest(digest):
                layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
            else:
                failures.append(_layer_failure(digest))
        return {"layers": layers, "failures": failures}

    def initiate_layer_upload(
        self, repository_name: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_InitiateLayerUpload.html"""
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
        with self.open_upload(repository_name, upload_id.lower(), registry_id) as (upload, session):
            repository = upload.repository
            upload.check_continued_at(part_first_byte)
            # A range cannot say that it is empty, so that an empty part comes with a range of one byte or less.
            said = part_last_byte - part_first_byte + 1
            if layer_part_blob and said != len(layer_part_blob):
                raise upload.invalid_part(
                    f"Size of the layer part is {len(layer_part_blob)} instead of {said}, "
                    f"which the range from {part_first_byte} to {part_last_byte} has"
                )
            if not layer_part_blob and said > 1:
                raise upload.invalid_part(
                    f"Size of the layer part is 0 instead of {said}, "
                    f"which the range from {part_first_byte} to {part_last_byte} has"
                )
            if upload.parts >= MAX_PARTS:
                raise LimitExceededException(
                    f"The maximum number of layer parts, {MAX_PARTS}, has been reached."
                )
            if layer_part_blob:
                session.write(layer_part_blob)
                upload = self.advance_upload(upload, session)
        return {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "uploadId": upload.id,
            "lastByteReceived": upload.last_byte,
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
        with self.open_upload(repository_name, upload_id.lower(), registry_id) as (upload, session):
            check_parts(upload)

            completed = self.complete_upload(upload, session, layer_digests)
        if not completed.is_new:
            raise LayerAlreadyExistsException(completed.digest, upload.repository)
        return {
            "registryId": upload.repository.registry_id,
            "repositoryName": upload.repository.repository_name,
            "uploadId": upload.id,
            "layerDigest": completed.digest,
        }

    def get_download_url_for_layer(
        self, repository_name: str, layer_digest: str, registry_id: str | None = None
    ) -> dict[str, Any]:
        """A URL that needs no credentials, for an hour.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetDownloadUrlForLayer.html
        """
        with self.store.database.read() as transaction:
            repository = self._repository(transaction, repository_name, registry_id)
            row = transaction.execute(
                _HELD, {"repository": repository.id, "digests": [layer_digest]}
            ).first()
        if row is None:
            raise LayersNotFoundException(layer_digest, repository)
        if not row.is_in_active_image:
            raise LayerInaccessibleException(layer_digest, repository)
        registry = Registry(repository.registry_id, repository.region)
        return {
            "downloadUrl": download_url(
                self.store.signing_key, registry, repository.repository_name, layer_digest
            ),
            "layerDigest": layer_digest,
        }


def _layer_failure(digest: str) -> dict[str, str]:
    if not digest:
        code, reason = "MissingLayerDigest", "layer digest cannot be null"
    else:
        code = "InvalidLayerDigest"
        reason = f"layer digest should satisfy the regex '{API_DIGEST_PATTERN}'"
    return {
        "layerDigest": digest,
        "failureCode": code,
        "failureReason": f"Invalid request parameters: {reason}",
    }
