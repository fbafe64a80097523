"""Errors of pull-through cache rules, and of the upstream registries that they name."""

from __future__ import annotations

from .base import ECRError


class PullThroughCacheRuleAlreadyExistsException(ECRError):
    message = (
        "A pull through cache rule with these settings already exists for the private registry."
    )


class PullThroughCacheRuleNotFoundException(ECRError):
    message = (
        "The pull through cache rule was not found. "
        "Specify a valid pull through cache rule and try again."
    )


class UnsupportedUpstreamRegistryException(ECRError):
    message = "The specified upstream registry isn't supported."


class UpstreamURLInvalid(UnsupportedUpstreamRegistryException):
    """The error for a URL that belongs to no upstream registry."""

    def __init__(self, url: str):
        super().__init__(
            f"The upstream registry URL {url} is invalid. "
            "Specify a valid upstream registry URL and try again"
        )


class UpstreamMismatch(UnsupportedUpstreamRegistryException):
    """The error for the URL of another upstream registry than the named one. AWS's text goes on."""

    message = "Invalid input: Upstream registry URL and entered upstream registry do not match."


class UpstreamNeedsCredentials(UnsupportedUpstreamRegistryException):
    # https://github.com/aws-controllers-k8s/community/issues/2589
    message = (
        "The specified upstream registry requires authentication. "
        "Specify a valid Secrets Manager ARN containing the upstream registry credentials and try again."
    )


class SecretNotFoundException(ECRError):
    message = (
        "The ARN of the secret specified in the pull through cache rule was not found. "
        "Update the pull through cache rule with a valid secret ARN and try again."
    )


class UnableToAccessSecretException(ECRError):
    message = (
        "The secret is unable to be accessed. "
        "Verify the resource permissions for the secret and try again."
    )


class UnableToDecryptSecretValueException(ECRError):
    message = (
        "The secret is accessible but is unable to be decrypted. "
        "Verify the resource permissions and try again."
    )


class UnableToGetUpstreamImageException(ECRError):
    """The error for unreadable credentials of an upstream registry, which is not asked."""

    def __init__(self, reason: str):
        super().__init__(
            "The image or images were unable to be pulled using the pull through cache rule. "
            f"{reason}"
        )


class UnableToListUpstreamImageReferrersException(ECRError):
    """The error for an upstream registry that did not return the referrers of an image."""

    def __init__(self, reason: str):
        # The sentence is from the API reference. AWS's message is not known.
        super().__init__(
            "The referrer or referrers were unable to be listed using the pull through cache rule. "
            f"{reason}"
        )


class UpstreamError(ECRError):
    """An upstream registry did not return an image. The JSON protocol reports it as the failure of one image."""


class UpstreamAccessDenied(UpstreamError):
    code = "UpstreamAccessDenied"

    def __init__(self, host: str):
        # The first sentence is ECR's: https://github.com/aws/containers-roadmap/issues/2354
        super().__init__(
            "The authentication to the upstream registry failed. "
            f"Verify that the credentials for {host} are valid and try again."
        )


class UpstreamTooManyRequests(UpstreamError):
    code = "UpstreamTooManyRequests"

    def __init__(self, host: str):
        super().__init__(f"The upstream registry {host} has received too many requests.")


class UpstreamUnavailable(UpstreamError):
    """The error for an upstream registry that cannot be reached, or returns something unexpected."""

    code = "UpstreamUnavailable"
