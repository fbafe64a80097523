"""Errors that any service of AWS answers with, before it looks at what the request is about.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from . import ECRError


class SerializationException(ECRError):
    """A body that is not the JSON that the operation takes."""


class UnknownOperationException(ECRError):
    message = "The requested operation is not recognized by the service."


class RequestEntityTooLargeException(ECRError):
    """A body longer than any request can be."""

    status = 413

    def __init__(self, limit: int):
        super().__init__(f"The request has more than {limit} bytes")


class MissingAuthenticationTokenException(ECRError):
    """A request without a signature, where IAM is enforced."""

    message = "Missing Authentication Token"


class IncompleteSignatureException(ECRError):
    """An `Authorization` header without all that AWS's signatures have."""

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
    """An access key that IAM does not know, where it is enforced."""

    message = "The security token included in the request is invalid."


class AccessDeniedException(ECRError):
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
