"""Errors that every AWS service may return before it processes a request.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from .base import ECRError


class SerializationException(ECRError):
    """The error for a body that is not the JSON of the operation."""


class UnknownOperationException(ECRError):
    message = "The requested operation is not recognized by the service."


class NotImplementedException(ECRError):
    """The error for an operation that the installed botocore knows, and this package does not.

    botocore does not repeat a request that gets 501.
    """

    status = 501


class RequestEntityTooLargeException(ECRError):
    """The error for a body longer than any valid request."""

    status = 413

    def __init__(self, limit: int):
        super().__init__(f"The request has more than {limit} bytes")


class MissingAuthenticationTokenException(ECRError):
    """The error for a request without a signature, while IAM is enforced."""

    message = "Missing Authentication Token"


class IncompleteSignatureException(ECRError):
    """The error for an `Authorization` header that lacks a part of AWS's signatures."""

    message = (
        "Authorization header requires 'Credential' parameter. "
        "Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter."
    )


class InvalidSignatureException(ECRError):
    message = (
        "The request signature we calculated does not match the signature you provided. "
        "Check your AWS Secret Access Key and signing method. "
        "Consult the service documentation for details."
    )


class UnrecognizedClientException(ECRError):
    """The error for an access key that IAM does not know, while IAM is enforced."""

    message = "The security token included in the request is invalid."


class AccessDeniedException(ECRError):
    def __init__(self, principal: str, action: str, resource: str, policy_type: str):
        super().__init__(
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"because no {policy_type} policy allows the {action} action"
        )


class ExplicitlyDenied(AccessDeniedException):
    """The error for a caller whom a policy denies access."""

    def __init__(self, principal: str, action: str, resource: str, policy_type: str):
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
        article = "an" if policy_type[0] in "aeiou" else "a"
        ECRError.__init__(
            self,
            f"User: {principal} is not authorized to perform: {action} on resource: {resource} "
            f"with an explicit deny in {article} {policy_type} policy",
        )
