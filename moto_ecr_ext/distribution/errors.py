"""Errors of the registry, with one table from the backend's errors to status and code.

OCI Distribution Specification 1.1, "Error Codes"; texts are ECR's. If ECR's code would mislead a client that follows
the specification, the table has the specification's code, and `dialects.ECR` has ECR's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto_ecr_ext import exceptions as aws
from moto_ecr_ext.exceptions import common, pull_through, registry_protocol
from moto_ecr_ext.oci.digest import HASHERS

from .dialects import Dialect
from .messages import Response

_RULE_OF_NAMES = (
    "ECR wants 2 to 256 characters, lower-case letters, digits, '.', '_', '-' and '/', "
    "with a letter or a digit at both ends of each part"
)
_SEE_LOG = "The registry has failed; see its log"


class RegistryError(Exception):
    """A refusal by the registry. `headers` are added to the answer, `detail` to its body."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int,
        headers: dict[str, str] | None = None,
        detail: dict[str, str] | None = None,
    ):
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers = headers or {}
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """The answer to an error of the backend.

    `message` is ECR's text over this protocol, if it differs from that over JSON.
    """

    status: int
    code: str
    message: str | None = None


ERRORS: dict[type[aws.ECRError], ErrorRow] = {
    aws.RepositoryNotFoundException: ErrorRow(404, "NAME_UNKNOWN"),
    aws.ImageNotFoundException: ErrorRow(
        404, "MANIFEST_UNKNOWN", message="Requested image not found"
    ),
    aws.LayersNotFoundException: ErrorRow(404, "BLOB_UNKNOWN"),
    aws.ManifestBlobUnknown: ErrorRow(404, "MANIFEST_BLOB_UNKNOWN"),
    aws.ReferencedImagesNotFoundException: ErrorRow(404, "MANIFEST_BLOB_UNKNOWN"),
    aws.ImageDigestDoesNotMatchException: ErrorRow(400, "DIGEST_INVALID"),
    aws.ImageTagAlreadyExistsException: ErrorRow(400, "TAG_INVALID"),
    registry_protocol.ImageReferencedByManifestList: ErrorRow(405, "UNSUPPORTED"),
    registry_protocol.BlobInUse: ErrorRow(405, "UNSUPPORTED"),
    aws.UploadNotFoundException: ErrorRow(404, "BLOB_UPLOAD_UNKNOWN"),
    aws.InvalidLayerPartException: ErrorRow(416, "BLOB_UPLOAD_INVALID"),
    aws.EmptyUploadException: ErrorRow(400, "BLOB_UPLOAD_INVALID"),
    aws.LayerPartTooSmallException: ErrorRow(400, "BLOB_UPLOAD_INVALID"),
    aws.InvalidLayerException: ErrorRow(400, "DIGEST_INVALID"),
    aws.InvalidParameterException: ErrorRow(405, "UNSUPPORTED"),
    common.AccessDeniedException: ErrorRow(403, "DENIED"),
    aws.LimitExceededException: ErrorRow(403, "DENIED"),
    aws.KmsException: ErrorRow(403, "DENIED"),
    pull_through.UnableToGetUpstreamImageException: ErrorRow(403, "DENIED"),
    pull_through.UpstreamAccessDenied: ErrorRow(403, "DENIED"),
    pull_through.UpstreamTooManyRequests: ErrorRow(429, "TOOMANYREQUESTS"),
    # The specification has no code for these three. Their codes are those of Docker's registry.
    pull_through.UnableToListUpstreamImageReferrersException: ErrorRow(503, "UNAVAILABLE"),
    pull_through.UpstreamUnavailable: ErrorRow(503, "UNAVAILABLE"),
    aws.StorageUnavailable: ErrorRow(503, "UNAVAILABLE"),
    aws.ServerException: ErrorRow(500, "UNKNOWN", message=_SEE_LOG),
}


def registry_error(error: aws.ECRError, dialect: Dialect) -> RegistryError:
    """Return the registry's error for an error of the backend."""
    for kind in type(error).__mro__:
        if kind in ERRORS:
            row = ERRORS[kind]
            code = dialect.error_codes.get(kind, row.code)
            message = row.message or error.message
            return RegistryError(code, message, row.status, detail=_detail(error))
    raise error


def _detail(error: aws.ECRError) -> dict[str, str] | None:
    """Return the error's detail, which the specification leaves to each registry. ECR has no details."""
    if isinstance(error, registry_protocol.PlaceholderImage):
        return {"reason": error.reason}
    if isinstance(error, aws.RepositoryNotFoundException):
        return {"hint": error.hint} if error.hint else None
    if not isinstance(error, aws.InvalidManifest):
        return None
    named = {"member": error.member} if error.member else {}
    return {**named, "reason": error.reason}


class UnknownPath(RegistryError):
    """The error for a path without an endpoint."""

    def __init__(self, path: str):
        super().__init__("UNSUPPORTED", f"There is nothing at {path}", 404)


def render_unknown_path(error: UnknownPath, dialect: Dialect) -> Response:
    """Return the dialect's page for a path without an endpoint, or the error in its usual form."""
    if dialect.not_found_page is None:
        return render_error(error)
    headers = {
        "Content-Type": "text/plain; charset=utf-8",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(error.status, headers, dialect.not_found_page)


def render_error(error: RegistryError) -> Response:
    """Return the OCI error body in ECR's form: with a final newline, and with `detail` only if there is one."""
    document: dict[str, Any] = {"code": error.code, "message": error.message}
    if error.detail is not None:
        document["detail"] = error.detail
    return Response.json(error.status, {"errors": [document]}, error.headers)


def server_failed() -> RegistryError:
    """Return the error for an internal failure; the log has the details."""
    return RegistryError("UNKNOWN", _SEE_LOG, 500)


def body_truncated() -> RegistryError:
    return RegistryError("BLOB_UPLOAD_INVALID", "The body ended before it was complete", 400)


def malformed(reason: str) -> RegistryError:
    """Return the error for a violation of HTTP itself (RFC 9110, RFC 9112). The specification has no code for it."""
    return RegistryError("UNSUPPORTED", f"The request is malformed: {reason}", 400)


def token_invalid() -> RegistryError:
    """Return the error for a password that is no token, or a token of another Region. Clients print its message.

    https://github.com/aws/aws-cli/issues/4962, https://github.com/aws/aws-cli/issues/5317
    """
    return RegistryError("DENIED", "Your Authorization Token is invalid.", 400)


def token_expired() -> RegistryError:
    """Return the error for a token that is older than twelve hours."""
    return RegistryError(
        "DENIED", "Your authorization token has expired. Reauthenticate and try again.", 403
    )


def digest_invalid(text: str) -> RegistryError:
    return RegistryError("DIGEST_INVALID", f"'{text}' is not a digest of sha256 or sha512", 400)


def name_invalid(name: str) -> RegistryError:
    return RegistryError(
        "NAME_INVALID", f"'{name}' is not a repository name: {_RULE_OF_NAMES}", 400
    )


def range_not_satisfiable(size: int) -> RegistryError:
    """Return the error of RFC 9110, 15.5.17. The specification has no code for it."""
    return RegistryError(
        "SIZE_INVALID",
        f"The requested range is not within the {size} bytes of the blob",
        416,
        {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"},
    )


def precondition_failed(header: str, given: str) -> RegistryError:
    """Return the error of RFC 9110, 15.5.13. The specification has no code for it."""
    return RegistryError("UNSUPPORTED", f"The condition '{header}: {given}' is not met", 412)


def algorithm_invalid(text: str) -> RegistryError:
    return RegistryError(
        "DIGEST_INVALID", f"'{text}' is not an algorithm of digests: {' or '.join(HASHERS)}", 400
    )


def method_not_allowed(method: str, allowed: list[str]) -> RegistryError:
    return RegistryError(
        "UNSUPPORTED",
        f"{method} is not supported here",
        405,
        {"Allow": ", ".join(sorted(allowed))},
    )
