"""Errors of ECR: those of botocore's ECR model that are raised here.

Every class carries AWS's code and builds AWS's message from the facts; `responses` and `distribution.errors` render
them for their protocols. Those of `base`, `images` and `layers` are imported from here. `common` has the errors of any
service of AWS, `registry_protocol` those of that protocol alone.
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
    """The place where the bytes are cannot be reached, or refuses. It may be there again later."""


class InvalidParameterException(ECRError):
    @classmethod
    def at(cls, field: str, constraint: str) -> InvalidParameterException:
        """Return the error in the general form of ECR's refusals."""
        return cls(f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'")


class InvalidManifest(InvalidParameterException):
    """A manifest that ECR does not take. ECR does not say why; `reason` and the path of the `member` do."""

    def __init__(self, member: str, reason: str):
        super().__init__(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        )
        self.member = member
        self.reason = reason


class InvalidContinuationToken(InvalidParameterException):
    """A `nextToken` that the listing of images did not hand out."""

    def __init__(self) -> None:
        super().__init__(
            "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid continuation token'"
        )


class InvalidTagParameterException(ECRError):
    message = "Tag parameters are invalid"


class TooManyTagsException(ECRError):
    message = (
        "The list of tags on the repository is over the limit. "
        "The maximum number of tags that can be applied to a repository is 50."
    )


class ValidationException(ECRError):
    """Input that an operation refuses by its meaning; only newer operations have this in place of InvalidParameter."""


class LimitExceededException(ECRError):
    """A quota is used up."""


class TooManyImages(LimitExceededException):
    """A repository has as many images as it can have."""

    def __init__(self, repository: NamedRepository, limit: int):
        # https://github.com/semaphoreci/docs/issues/404 has the text, with the quota of that year.
        super().__init__(
            f"The {in_registry(repository, article='')} "
            f"already has the maximum allowed number of images which is '{limit}'"
        )


class TooManyRepositories(LimitExceededException):
    """A registry has as many repositories as it can have. The text is that of images; AWS's is not known."""

    def __init__(self, registry_id: str, limit: int):
        super().__init__(
            f"The registry with id '{registry_id}' "
            f"already has the maximum allowed number of repositories which is '{limit}'"
        )


class TooManyImageTags(LimitExceededException):
    """An image has as many tags as it can have."""

    def __init__(self, tag: str, repository: NamedRepository, limit: int):
        # https://github.com/medic/cht-core/issues/11099
        super().__init__(
            f"Adding tag '{tag}' to an image in the "
            f"{in_registry(repository, article='')} "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class RepositoryNotFoundException(ECRError):
    hint: str | None = None
    """How to reach a repository of this name in another registry, for clients of the registry protocol."""

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
    """A key that KMS refuses, with KMS's own code and message."""

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


# What `Error.Code` names in place of AWS's modelled code, unless `error_codes` is `aws`: the header
# `x-amzn-query-error` carries it, and AWS's code stays in `__type` and in the exception class that is caught.
PROJECT_CODES: dict[type[ECRError], str] = {
    InvalidLayerException: "LayerDigestMismatchException",
    InvalidContinuationToken: "InvalidContinuationTokenException",
    ImageTagAlreadyExistsException: "ImageAlreadyExistsException",
}
