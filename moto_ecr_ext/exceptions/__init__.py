"""Errors of botocore's ECR model that the backend raises.

Every class has AWS's code and builds AWS's message from the facts; `responses` and `distribution.errors` render them
for their protocols. This package exports the errors of `base`, `images` and `layers` too. `common` has the errors of
all AWS services, `registry_protocol` those of that protocol only.
"""

from __future__ import annotations

from typing import Any

from .base import ECRError as ECRError
from .base import NamedRepository as NamedRepository
from .base import RepositoryName as RepositoryName
from .base import in_registry
from .images import ImageAlreadyExistsException as ImageAlreadyExistsException
from .images import ImageDigestDoesNotMatchException as ImageDigestDoesNotMatchException
from .images import ImageNotFoundException as ImageNotFoundException
from .images import ImageTagAlreadyExistsException as ImageTagAlreadyExistsException
from .images import ReferencedImagesNotFoundException as ReferencedImagesNotFoundException
from .images import ScanNotFoundException as ScanNotFoundException
from .images import image_id_text as image_id_text
from .layers import EmptyUploadException as EmptyUploadException
from .layers import InvalidLayerException as InvalidLayerException
from .layers import InvalidLayerPartException as InvalidLayerPartException
from .layers import LayerAlreadyExistsException as LayerAlreadyExistsException
from .layers import LayerInaccessibleException as LayerInaccessibleException
from .layers import LayerPartTooSmallException as LayerPartTooSmallException
from .layers import LayersNotFoundException as LayersNotFoundException
from .layers import ManifestBlobUnknown as ManifestBlobUnknown
from .layers import UploadNotFoundException as UploadNotFoundException


class ServerException(ECRError):
    """An internal failure; the log has the details."""

    status = 500
    message = "These errors are usually caused by a server-side issue."


class StorageUnavailable(ServerException):
    """A failure of the blob store: it is unreachable, or refuses. A retry may succeed."""


class InvalidParameterException(ECRError):
    @classmethod
    def at(cls, field: str, constraint: str) -> InvalidParameterException:
        """Return the error with the general form of ECR's texts."""
        return cls(f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'")


class InvalidManifest(InvalidParameterException):
    """A manifest that ECR does not accept. ECR gives no reason; `reason` and the path of the `member` do."""

    def __init__(self, member: str, reason: str):
        super().__init__(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        )
        self.member = member
        self.reason = reason


class UnknownPage(InvalidParameterException):
    """A `nextToken` that no listing returned."""

    message = "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid continuation token'"


class InvalidContinuationToken(UnknownPage):
    """One that no listing of images returned."""


class InvalidTagParameterException(ECRError):
    message = "Tag parameters are invalid"


class TooManyTagsException(ECRError):
    message = (
        "The list of tags on the repository is over the limit. "
        "The maximum number of tags that can be applied to a repository is 50."
    )


class ValidationException(ECRError):
    """The error of newer operations for input with a meaning that they refuse. Others use InvalidParameterException."""


class LimitExceededException(ECRError):
    """The error for a quota that is reached."""


class TooManyImages(LimitExceededException):
    """The error for a repository that has the greatest number of images."""

    def __init__(self, repository: NamedRepository, limit: int):
        # The text is from https://github.com/semaphoreci/docs/issues/404, with the quota of that year.
        super().__init__(
            f"The {in_registry(repository, article='')} "
            f"already has the maximum allowed number of images which is '{limit}'"
        )


class TooManyRepositories(LimitExceededException):
    """The error for a registry with the greatest number of repositories. Its text is adapted; AWS's is not known."""

    def __init__(self, registry_id: str, limit: int):
        super().__init__(
            f"The registry with id '{registry_id}' "
            f"already has the maximum allowed number of repositories which is '{limit}'"
        )


class TooManyImageTags(LimitExceededException):
    """The error for an image that has the greatest number of tags."""

    def __init__(self, tag: str, repository: NamedRepository, limit: int):
        # https://github.com/medic/cht-core/issues/11099
        super().__init__(
            f"Adding tag '{tag}' to an image in the "
            f"{in_registry(repository, article='')} "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class RepositoryNotFoundException(ECRError):
    hint: str | None = None
    """A hint for clients of the registry protocol: how to address a repository of this name in another registry."""

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryAlreadyExistsException(ECRError):
    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' already exists "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryNotEmptyException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(
            f"The {in_registry(repository, article='')} "
            "cannot be deleted because it still contains images"
        )


class RepositoryPolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Repository policy does not exist for the {in_registry(repository)}")


class LifecyclePolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Lifecycle policy does not exist for the {in_registry(repository)}")


class RegistryPolicyNotFoundException(ECRError):
    def __init__(self, registry_id: str):
        super().__init__(f"Registry policy does not exist in the registry with id '{registry_id}'")


class KmsException(ECRError):
    """The error for a key that KMS refuses, with KMS's code and message."""

    def __init__(self, kms_error: str, message: str):
        super().__init__(message)
        self._kms_error = kms_error

    def members(self) -> dict[str, Any]:
        return {"kmsError": self._kms_error}


class UnsupportedImageTypeException(ECRError):
    message = "The image is of a type that cannot be scanned."


class ImageArchivedException(ECRError):
    message = "The specified image is archived and cannot be scanned."


class ImageStorageClassUpdateNotSupportedException(ECRError):
    message = "The requested image storage class update is not supported."


class ReplicationBackfillInProgressException(ECRError):
    def __init__(self, region: str):
        super().__init__(
            f"A replication backfill to the Region '{region}' is in progress. Wait until it has ended, or stop it."
        )


class ReplicationBackfillNotFoundException(ECRError):
    def __init__(self, backfill_id: str, registry_id: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class ReplicationBackfillInvalidStatusException(ECRError):
    def __init__(self, backfill_id: str, status: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' cannot be stopped, since its status is {status}"
        )


class TemplateAlreadyExistsException(ECRError):
    message = (
        "The repository creation template already exists. Specify a unique prefix and try again."
    )


class TemplateNotFoundException(ECRError):
    message = (
        "The specified repository creation template can't be found. "
        "Verify the registry ID and prefix and try again."
    )


class SigningConfigurationNotFoundException(ECRError):
    message = (
        "The specified signing configuration was not found. This occurs when attempting to "
        "retrieve or delete a signing configuration that does not exist."
    )


class ExclusionAlreadyExistsException(ECRError):
    message = "The specified pull time update exclusion already exists for the registry."


class ExclusionNotFoundException(ECRError):
    message = "The specified pull time update exclusion was not found."


class LifecyclePolicyPreviewInProgressException(ECRError):
    message = "The previous lifecycle policy preview request has not completed. Wait and try again."


class LifecyclePolicyPreviewNotFoundException(ECRError):
    message = "There is no dry run for this repository."


# Codes in `Error.Code` that replace AWS's modelled codes, unless `error_codes` is `aws`. The header
# `x-amzn-query-error` has them; `__type` and the exception class that clients catch have AWS's code.
PROJECT_CODES: dict[type[ECRError], str] = {
    InvalidLayerException: "LayerDigestMismatchException",
    InvalidContinuationToken: "InvalidContinuationTokenException",
    ImageTagAlreadyExistsException: "ImageAlreadyExistsException",
}
