"""Errors of uploads and layers."""

from __future__ import annotations

from typing import Any

from .base import ECRError, NamedRepository, in_registry


class UploadNotFoundException(ECRError):
    def __init__(self, upload_id: str, repository: NamedRepository):
        super().__init__(
            f"The upload with id '{upload_id}' in the {in_registry(repository)} "
            "could not be found, or the specified upload ID is not valid for this repository."
        )


class InvalidLayerPartException(ECRError):
    """The error for bytes that do not continue the upload. `last_valid_byte` is the last accepted position."""

    def __init__(
        self,
        message: str,
        *,
        upload_id: str,
        repository: NamedRepository,
        last_valid_byte: int,
    ):
        super().__init__(message)
        self._members = {
            "registryId": repository.registry_id,
            "repositoryName": repository.repository_name,
            "uploadId": upload_id,
            "lastValidByteReceived": last_valid_byte,
        }

    def members(self) -> dict[str, Any]:
        return self._members


class EmptyUploadException(ECRError):
    def __init__(self, upload_id: str, repository: NamedRepository):
        super().__init__(
            f"The upload with id '{upload_id}' in the "
            f"{in_registry(repository, article='')} "
            "cannot be completed because it does not have any parts"
        )


class LayerPartTooSmallException(ECRError):
    message = "All layer parts except the last part should be at least 5MB"


class InvalidLayerException(ECRError):
    """The error for an upload whose bytes do not have the client's digest."""

    message = "None of the provided layer digests match the calculated layer digest"


class LayerAlreadyExistsException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The image layer with digest '{digest}' already exists in the "
            f"{in_registry(repository)}"
        )


class LayersNotFoundException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The layer with digest '{digest}' does not exist within the {in_registry(repository)}"
        )


class ManifestBlobUnknown(ECRError):
    """The error for references to blobs outside of the repository. AWS has one code for one and for several blobs."""

    code = "LayersNotFoundException"

    def __init__(self, digests: list[str], repository: NamedRepository):
        super().__init__(
            f"Layers with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{in_registry(repository)} do not exist"
        )


class LayerInaccessibleException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The layer with digest '{digest}' in the {in_registry(repository)} "
            "is not available because it is not associated with an image. "
            "Unassociated image layers may be cleaned up at any time."
        )
