"""AWS errors, one class per error shape of botocore's ECR model that is raised here.

Every class carries AWS's code and builds AWS's message from the facts; `responses` and `distribution.errors` render
them for their protocols.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from moto.core.exceptions import ServiceException


class ECRError(ServiceException):
    """An error that the client of either protocol is told about.

    `code` is the error shape in botocore's model. `status` is the HTTP status over the JSON protocol.
    """

    status = 400

    def members(self) -> dict[str, Any]:
        """Members of the error shape beside `message`, as they go over the wire."""
        return {}


def _in_registry(repository_name: str, registry_id: str, article: str = "the ") -> str:
    return f"repository with name '{repository_name}' in {article}registry with id '{registry_id}'"


class ServerException(ECRError):
    """An internal failure; the log has the details."""

    code = "ServerException"
    status = 500
    message = "These errors are usually caused by a server-side issue."


class StorageUnavailable(ServerException):
    """The place where the bytes are cannot be reached, or refuses. It may be there again later."""


class InvalidParameterException(ECRError):
    code = "InvalidParameterException"

    @classmethod
    def at(cls, field: str, constraint: str) -> InvalidParameterException:
        """The general form of ECR's refusals."""
        return cls(f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'")


class InvalidContinuationToken(InvalidParameterException):
    """A `nextToken` that the listing of images did not hand out."""

    def __init__(self) -> None:
        super().__init__(
            "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid continuation token'"
        )


class InvalidTagParameterException(ECRError):
    code = "InvalidTagParameterException"
    message = "Tag parameters are invalid"


class TooManyTagsException(ECRError):
    code = "TooManyTagsException"
    message = (
        "The list of tags on the repository is over the limit. "
        "The maximum number of tags that can be applied to a repository is 50."
    )


class ValidationException(ECRError):
    code = "ValidationException"


class LimitExceededException(ECRError):
    code = "LimitExceededException"


class TooManyImageTags(LimitExceededException):
    """An image has as many tags as it can have."""

    def __init__(self, tag: str, repository_name: str, registry_id: str, limit: int):
        # https://github.com/medic/cht-core/issues/11099
        super().__init__(
            f"Adding tag '{tag}' to an image in the "
            f"{_in_registry(repository_name, registry_id, article='')} "
            f"exceeds the maximum allowed number of tags per image which is '{limit}'"
        )


class SerializationException(ECRError):
    """A body that is not the JSON that the operation takes."""

    code = "SerializationException"


class UnknownOperationException(ECRError):
    code = "UnknownOperationException"
    message = "The requested operation is not recognized by the service."


class MissingAuthenticationTokenException(ECRError):
    """A request without a signature, where IAM is enforced."""

    code = "MissingAuthenticationTokenException"
    message = "Missing Authentication Token"


class IncompleteSignatureException(ECRError):
    """An `Authorization` header without all that AWS's signatures have."""

    code = "IncompleteSignatureException"
    message = (
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter."
    )


class InvalidSignatureException(ECRError):
    code = "InvalidSignatureException"
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details."
    )


class UnrecognizedClientException(ECRError):
    """An access key that IAM does not know, where it is enforced."""

    code = "UnrecognizedClientException"
    message = "The security token included in the request is invalid."


class RequestTooLargeException(ECRError):
    """A body longer than any request can be."""

    code = "RequestEntityTooLargeException"
    status = 413

    def __init__(self, limit: int):
        super().__init__(f"The request has more than {limit} bytes")


class AccessDeniedException(ECRError):
    code = "AccessDeniedException"

    def __init__(self, principal: str, action: str, resource: str, policy_type: str):
        super().__init__(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"because no {policy_type} policy allows the {action} action"
        )


class ExplicitlyDenied(AccessDeniedException):
    """A policy has a statement that denies it."""

    def __init__(self, principal: str, action: str, resource: str, policy_type: str):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        article = "an" if policy_type[0] in "aeiou" else "a"
        ECRError.__init__(
            self,
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"with an explicit deny in {article} {policy_type} policy",
        )


class RepositoryNotFoundException(ECRError):
    code = "RepositoryNotFoundException"

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryAlreadyExistsException(ECRError):
    code = "RepositoryAlreadyExistsException"

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The repository with name '{repository_name}' already exists "
            f"in the registry with id '{registry_id}'"
        )


class RepositoryNotEmptyException(ECRError):
    code = "RepositoryNotEmptyException"

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"The {_in_registry(repository_name, registry_id, article='')} "
            "cannot be deleted because it still contains images"
        )


class RepositoryPolicyNotFoundException(ECRError):
    code = "RepositoryPolicyNotFoundException"

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"Repository policy does not exist for the {_in_registry(repository_name, registry_id)}"
        )


class LifecyclePolicyNotFoundException(ECRError):
    code = "LifecyclePolicyNotFoundException"

    def __init__(self, repository_name: str, registry_id: str):
        super().__init__(
            f"Lifecycle policy does not exist for the {_in_registry(repository_name, registry_id)}"
        )


class RegistryPolicyNotFoundException(ECRError):
    code = "RegistryPolicyNotFoundException"

    def __init__(self, registry_id: str):
        super().__init__(f"Registry policy does not exist in the registry with id '{registry_id}'")


class UploadNotFoundException(ECRError):
    code = "UploadNotFoundException"

    def __init__(self, upload_id: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The upload with id '{upload_id}' in the {_in_registry(repository_name, registry_id)} "
            "could not be found, or the specified upload ID is not valid for this repository."
        )


class InvalidLayerPartException(ECRError):
    """Bytes that do not continue the upload. `last_valid_byte` is the position of the last byte accepted so far."""

    code = "InvalidLayerPartException"

    def __init__(
        self,
        message: str,
        *,
        upload_id: str,
        repository_name: str,
        registry_id: str,
        last_valid_byte: int,
    ):
        super().__init__(message)
        self._members = {
            "registryId": registry_id,
            "repositoryName": repository_name,
            "uploadId": upload_id,
            "lastValidByteReceived": last_valid_byte,
        }

    def members(self) -> dict[str, Any]:
        return self._members


class EmptyUploadException(ECRError):
    code = "EmptyUploadException"

    def __init__(self, upload_id: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The upload with id '{upload_id}' in the "
            f"{_in_registry(repository_name, registry_id, article='')} "
            "cannot be completed because it does not have any parts"
        )


class LayerPartTooSmallException(ECRError):
    code = "LayerPartTooSmallException"
    message = "All layer parts except the last part should be at least 5MB"


class InvalidLayerException(ECRError):
    """The bytes of an upload have another digest than the client says."""

    code = "InvalidLayerException"
    message = "None of the provided layer digests match the calculated layer digest"


class LayerAlreadyExistsException(ECRError):
    code = "LayerAlreadyExistsException"

    def __init__(self, digest: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The image layer with digest '{digest}' already exists in the "
            f"{_in_registry(repository_name, registry_id)}"
        )


class LayersNotFoundException(ECRError):
    code = "LayersNotFoundException"

    def __init__(self, digest: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The layer with digest '{digest}' does not exist within the "
            f"{_in_registry(repository_name, registry_id)}"
        )


class ManifestBlobUnknown(ECRError):
    """A manifest names blobs that the repository does not hold. AWS has one code for this and the one above."""

    code = "LayersNotFoundException"

    def __init__(self, digests: list[str], repository_name: str, registry_id: str):
        super().__init__(
            f"Layers with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{_in_registry(repository_name, registry_id)} do not exist"
        )


class LayerInaccessibleException(ECRError):
    code = "LayerInaccessibleException"

    def __init__(self, digest: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The layer with digest '{digest}' in the {_in_registry(repository_name, registry_id)} "
            "is not available because it is not associated with an image. "
            "Unassociated image layers may be cleaned up at any time."
        )


def image_id_text(digest: str | None, tag: str | None) -> str:
    """An image identifier as ECR prints it; an absent half is the word null."""
    return f"{{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}}"


class ImageNotFoundException(ECRError):
    code = "ImageNotFoundException"

    def __init__(self, digest: str | None, tag: str | None, repository_name: str, registry_id: str):
        super().__init__(
            f"The image with imageId {image_id_text(digest, tag)} does not exist within the "
            f"{_in_registry(repository_name, registry_id)}"
        )


class ImageAlreadyExistsException(ECRError):
    code = "ImageAlreadyExistsException"

    def __init__(self, digest: str, tag: str | None, repository_name: str, registry_id: str):
        super().__init__(
            f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the "
            f"{_in_registry(repository_name, registry_id, article='')}"
        )


class ImageTagAlreadyExistsException(ECRError):
    code = "ImageTagAlreadyExistsException"

    def __init__(self, tag: str, repository_name: str):
        super().__init__(
            f"The image tag '{tag}' already exists in the '{repository_name}' repository "
            "and cannot be overwritten because the tag is immutable."
        )


class ImageDigestDoesNotMatchException(ECRError):
    code = "ImageDigestDoesNotMatchException"

    def __init__(self, digest: str, repository_name: str, registry_id: str):
        super().__init__(
            f"The image with digest '{digest}' in repository '{repository_name}' and registry ID "
            f"'{registry_id}' does not match the image digest that Amazon ECR has calculated."
        )


class ReferencedImagesNotFoundException(ECRError):
    code = "ReferencedImagesNotFoundException"

    def __init__(self, digests: list[str], repository_name: str, registry_id: str):
        super().__init__(
            f"Images with digests '[{', '.join(digests)}]' required for pushing image into "
            f"{_in_registry(repository_name, registry_id)} do not exist"
        )


class BlobInUse(ECRError):
    """An image refers to the blob."""

    code = "BlobInUse"

    def __init__(self, digest: str):
        super().__init__(f"The layer with digest '{digest}' is referenced by an image")


class ImageReferencedByManifestList(ECRError):
    """A child of an index goes only after it. The JSON protocol has this as a failure of one image, not as an error."""

    code = "ImageReferencedByManifestList"

    def __init__(self, parents: Sequence[str]):
        super().__init__(f"Requested image referenced by manifest list: [{', '.join(parents)}]")


class ScanNotFoundException(ECRError):
    code = "ScanNotFoundException"

    def __init__(self, digest: str | None, tag: str | None, repository_name: str, registry_id: str):
        super().__init__(
            f"Image scan does not exist for the image with '{image_id_text(digest, tag)}' "
            f"in the {_in_registry(repository_name, registry_id)}"
        )


class UnsupportedImageTypeException(ECRError):
    code = "UnsupportedImageTypeException"
    message = "The image is of a type that cannot be scanned."


class ImageArchivedException(ECRError):
    code = "ImageArchivedException"
    message = "The specified image is archived and cannot be scanned."


class ImageStorageClassUpdateNotSupportedException(ECRError):
    code = "ImageStorageClassUpdateNotSupportedException"
    message = "The requested image storage class update is not supported."


class ReplicationBackfillInProgressException(ECRError):
    code = "ReplicationBackfillInProgressException"

    def __init__(self, region: str):
        super().__init__(
            f"A replication backfill to the Region '{region}' is in progress. Wait until it has ended, or stop it."
        )


class ReplicationBackfillNotFoundException(ECRError):
    code = "ReplicationBackfillNotFoundException"

    def __init__(self, backfill_id: str, registry_id: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' does not exist "
            f"in the registry with id '{registry_id}'"
        )


class ReplicationBackfillInvalidStatusException(ECRError):
    code = "ReplicationBackfillInvalidStatusException"

    def __init__(self, backfill_id: str, status: str):
        super().__init__(
            f"The replication backfill with id '{backfill_id}' cannot be stopped, since its status is {status}"
        )


class TemplateAlreadyExistsException(ECRError):
    code = "TemplateAlreadyExistsException"
    message = (
        "The repository creation template already exists. Specify a unique prefix and try again."
    )


class TemplateNotFoundException(ECRError):
    code = "TemplateNotFoundException"
    message = (
        "The specified repository creation template can't be found. "
        "Verify the registry ID and prefix and try again."
    )


class SigningConfigurationNotFoundException(ECRError):
    code = "SigningConfigurationNotFoundException"
    message = (
        "The specified signing configuration was not found. This occurs when attempting to "
        "retrieve or delete a signing configuration that does not exist."
    )


class ExclusionAlreadyExistsException(ECRError):
    code = "ExclusionAlreadyExistsException"
    message = "The specified pull time update exclusion already exists for the registry."


class ExclusionNotFoundException(ECRError):
    code = "ExclusionNotFoundException"
    message = "The specified pull time update exclusion was not found."


class LifecyclePolicyPreviewInProgressException(ECRError):
    code = "LifecyclePolicyPreviewInProgressException"
    message = "The previous lifecycle policy preview request has not completed. Wait and try again."


class LifecyclePolicyPreviewNotFoundException(ECRError):
    code = "LifecyclePolicyPreviewNotFoundException"
    message = "There is no dry run for this repository."


class PullThroughCacheRuleAlreadyExistsException(ECRError):
    code = "PullThroughCacheRuleAlreadyExistsException"
    message = (
        "A pull through cache rule with these settings already exists for the private registry."
    )


class PullThroughCacheRuleNotFoundException(ECRError):
    code = "PullThroughCacheRuleNotFoundException"
    message = (
        "The pull through cache rule was not found. "
        "Specify a valid pull through cache rule and try again."
    )


class UnsupportedUpstreamRegistryException(ECRError):
    code = "UnsupportedUpstreamRegistryException"
    message = "The specified upstream registry isn't supported."


class UpstreamNeedsCredentials(UnsupportedUpstreamRegistryException):
    # https://github.com/aws-controllers-k8s/community/issues/2589
    message = (
        "The specified upstream registry requires authentication. "
        "Specify a valid Secrets Manager ARN containing the upstream registry credentials."
    )


class SecretNotFoundException(ECRError):
    code = "SecretNotFoundException"
    message = (
        "The ARN of the secret specified in the pull through cache rule was not found. "
        "Update the pull through cache rule with a valid secret ARN and try again."
    )


class UnableToAccessSecretException(ECRError):
    code = "UnableToAccessSecretException"
    message = (
        "The secret is unable to be accessed. "
        "Verify the resource permissions for the secret and try again."
    )


class UnableToDecryptSecretValueException(ECRError):
    code = "UnableToDecryptSecretValueException"
    message = (
        "The secret is accessible but is unable to be decrypted. "
        "Verify the resource permissions and try again."
    )


class UnableToGetUpstreamImageException(ECRError):
    """The credentials for an upstream registry cannot be read, so that it is not asked."""

    code = "UnableToGetUpstreamImageException"

    def __init__(self, reason: str):
        super().__init__(
            "The image or images were unable to be pulled using the pull through cache rule. "
            f"{reason}"
        )


class UpstreamError(ECRError):
    """An upstream registry did not give an image. The JSON protocol has this as a failure of one image."""


class UpstreamAccessDenied(UpstreamError):
    code = "UpstreamAccessDenied"

    def __init__(self, host: str):
        # The beginning is ECR's: https://github.com/aws/containers-roadmap/issues/2354
        super().__init__(
            "The authentication to the upstream registry failed. "
            f"Verify that the credentials for {host} are valid and try again."
        )


class UpstreamTooManyRequests(UpstreamError):
    code = "UpstreamTooManyRequests"

    def __init__(self, host: str):
        super().__init__(f"The upstream registry {host} has received too many requests.")


class UpstreamUnavailable(UpstreamError):
    code = "UpstreamUnavailable"


# What `Error.Code` names in place of AWS's modelled code, unless `error_codes` is `aws`: the header
# `x-amzn-query-error` carries it, and AWS's code stays in `__type` and in the exception class that is caught.
PROJECT_CODES: dict[type[ECRError], str] = {
    InvalidLayerException: "LayerDigestMismatchException",
    InvalidContinuationToken: "InvalidContinuationTokenException",
    ImageTagAlreadyExistsException: "ImageAlreadyExistsException",
}
