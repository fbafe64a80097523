"""Errors of ECR: the base of all, and those of botocore's ECR model that are raised here.

Every class carries AWS's code and builds AWS's message from the facts; `responses` and `distribution.errors` render
them for their protocols. `common` has the errors of any service of AWS, `registry_protocol` those of that protocol
alone.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from moto.core.exceptions import ServiceException


class ECRError(ServiceException):
    """An error for the client, of either protocol.

    A class whose name ends in `Exception` is the error shape of this name. Any other is a special case, and has the
    code of the shape that it derives from or one that it names. `status` is the HTTP status over the JSON protocol.
    """

    status = 400

    def __init_subclass__(cls) -> None:
        if cls.__name__.endswith("Exception"):
            cls.code = cls.__name__

    def members(self) -> dict[str, Any]:
        """Return the members of the error shape beside `message`, as they go over the wire."""
        return {}


class NamedRepository(Protocol):
    """What messages say of a repository."""

    @property
    def repository_name(self) -> str: ...

    @property
    def registry_id(self) -> str: ...


class RepositoryName(NamedTuple):
    """A `NamedRepository` that need not exist."""

    repository_name: str
    registry_id: str


def _in_registry(repository: NamedRepository, article: str = "the ") -> str:
    return (
        f"repository with name '{repository.repository_name}' "
        f"in {article}registry with id '{repository.registry_id}'"
    )


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
            f"The {_in_registry(repository, article='')} "
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
            f"{_in_registry(repository, article='')} "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class RepositoryNotFoundException(ECRError):
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
            f"The {_in_registry(repository, article='')} "
            "cannot be deleted because it still contains images"
        )


class RepositoryPolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Repository policy does not exist for the {_in_registry(repository)}")


class LifecyclePolicyNotFoundException(ECRError):
    def __init__(self, repository: NamedRepository):
        super().__init__(f"Lifecycle policy does not exist for the {_in_registry(repository)}")


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


class UploadNotFoundException(ECRError):
    def __init__(self, upload_id: str, repository: NamedRepository):
        super().__init__(
            f"The upload with id '{upload_id}' in the {_in_registry(repository)} "
            "could not be found, or the specified upload ID is not valid for this repository."
        )


class InvalidLayerPartException(ECRError):
    """Bytes that do not continue the upload. `last_valid_byte` is the position of the last byte accepted so far."""

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
            f"{_in_registry(repository, article='')} "
            "cannot be completed because it does not have any parts"
        )


class LayerPartTooSmallException(ECRError):
    message = "All layer parts except the last part should be at least 5MB"


class InvalidLayerException(ECRError):
    """The bytes of an upload have another digest than the client says."""

    message = "None of the provided layer digests match the calculated layer digest"


class LayerAlreadyExistsException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The image layer with digest '{digest}' already exists in the "
            f"{_in_registry(repository)}"
        )


class LayersNotFoundException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The layer with digest '{digest}' does not exist within the {_in_registry(repository)}"
        )


class ManifestBlobUnknown(ECRError):
    """A manifest names blobs that the repository does not hold. AWS has one code for this and for one such blob."""

    code = "LayersNotFoundException"

    def __init__(self, digests: list[str], repository: NamedRepository):
        super().__init__(
            f"Layers with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{_in_registry(repository)} do not exist"
        )


class LayerInaccessibleException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The layer with digest '{digest}' in the {_in_registry(repository)} "
            "is not available because it is not associated with an image. "
            "Unassociated image layers may be cleaned up at any time."
        )


def image_id_text(digest: str | None, tag: str | None) -> str:
    """Return an image identifier as ECR prints it; an absent half is the word null."""
    return f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"


class ImageNotFoundException(ECRError):
    def __init__(self, digest: str | None, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"The image with imageId {image_id_text(digest, tag)} does not exist within the "
            f"{_in_registry(repository)}"
        )


class ImageAlreadyExistsException(ECRError):
    def __init__(self, digest: str, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the "
            f"{_in_registry(repository, article='')}"
        )


class ImageTagAlreadyExistsException(ECRError):
    def __init__(self, tag: str, repository_name: str):
        super().__init__(
            f"The image tag '{tag}' already exists in the '{repository_name}' repository "
            "and cannot be overwritten because the tag is immutable."
        )


class ImageDigestDoesNotMatchException(ECRError):
    def __init__(self, digest: str, repository: NamedRepository):
        super().__init__(
            f"The image with digest '{digest}' in repository '{repository.repository_name}' and registry ID "
            f"'{repository.registry_id}' does not match the image digest that Amazon ECR has calculated."
        )


class ReferencedImagesNotFoundException(ECRError):
    def __init__(self, digests: list[str], repository: NamedRepository):
        super().__init__(
            f"Images with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{_in_registry(repository)} do not exist"
        )


class ScanNotFoundException(ECRError):
    def __init__(self, digest: str | None, tag: str | None, repository: NamedRepository):
        super().__init__(
            f"Image scan does not exist for the image with '{image_id_text(digest, tag)}' "
            f"in the {_in_registry(repository)}"
        )


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
