"""The errors that a fault can answer with, in both protocols."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from moto_ecr_ext import exceptions, service_model
from moto_ecr_ext.calls import API, REGISTRY
from moto_ecr_ext.distribution.errors import ERRORS, ErrorRow
from moto_ecr_ext.exceptions.common import AccessDeniedException
from moto_ecr_ext.faults import ErrorAnswer

from .patterns import CallPattern
from .problems import FaultError, did_you_mean

THROTTLED = "Rate exceeded"

# Errors of any operation, with their statuses:
# https://docs.aws.amazon.com/AmazonECR/latest/APIReference/CommonErrors.html
_COMMON = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 400,
    "InternalFailure": 500,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "NotAuthorized": 400,
    "OptInRequired": 403,
    "RequestExpired": 400,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "UnrecognizedClientException": 403,
    "ValidationException": 400,
}
# The statuses of codes of the registry: OCI Distribution Specification 1.1, "Error Codes", and Docker's registry.
_REGISTRY_CODES = {
    "BLOB_UNKNOWN": 404,
    "BLOB_UPLOAD_INVALID": 400,
    "BLOB_UPLOAD_UNKNOWN": 404,
    "DENIED": 403,
    "DIGEST_INVALID": 400,
    "MANIFEST_BLOB_UNKNOWN": 404,
    "MANIFEST_INVALID": 400,
    "MANIFEST_UNKNOWN": 404,
    "NAME_INVALID": 400,
    "NAME_UNKNOWN": 404,
    "SIZE_INVALID": 400,
    "TAG_INVALID": 400,
    "TOOMANYREQUESTS": 429,
    "UNAUTHORIZED": 401,
    "UNAVAILABLE": 503,
    "UNKNOWN": 500,
    "UNSUPPORTED": 405,
}
# The errors of statuses, where a rule names no error.
_API_OF_STATUS = {
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    429: "ThrottlingException",
    500: "ServerException",
    503: "ServiceUnavailable",
}
_REGISTRY_OF_STATUS = {
    400: "UNSUPPORTED",
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    429: "TOOMANYREQUESTS",
    500: "UNKNOWN",
}
_REGISTRY_OF_COMMON = {
    "InternalFailure": "UNKNOWN",
    "ServiceUnavailable": "UNAVAILABLE",
    "ThrottlingException": "TOOMANYREQUESTS",
}


def refusals(
    patterns: Iterable[CallPattern], error: str | None, status: int | None, message: str | None
) -> tuple[ErrorAnswer | None, ErrorAnswer | None]:
    """Return the errors of the API and of the registry for calls. None means that a protocol has no such error.

    Raises FaultError for an error that these calls do not have, with the nearest one.
    """
    patterns = tuple(patterns)
    protocols = {protocol for each in patterns for protocol in each.protocols}
    if error is None and status is None:
        error = "ServerException"
    if error is not None:
        _check(patterns, error, protocols)
    is_of_registry = error in _REGISTRY_CODES
    api = None if is_of_registry else _in_api(error, status, message)
    registry = _in_registry(error, status, message)
    return (api if API in protocols else None, registry if REGISTRY in protocols else None)


def _check(patterns: Iterable[CallPattern], error: str, protocols: set[str]) -> None:
    operations = frozenset[str]().union(*(each.operations for each in patterns))
    known = {*_COMMON, *(name for each in operations for name in _modelled(each))}
    if REGISTRY in protocols and any(each.routes for each in patterns):
        known.update(_REGISTRY_CODES)
    if error in known:
        return
    calls = ", ".join(each.text for each in patterns)
    raise FaultError(f"{calls} has no error {error!r}{did_you_mean(error, sorted(known))}")


@cache
def _modelled(operation: str) -> frozenset[str]:
    """Return the names of the errors of an operation in botocore's model."""
    model = service_model.operation(operation)
    return frozenset(shape.name for shape in model.error_shapes) if model else frozenset()


def _in_api(error: str | None, status: int | None, message: str | None) -> ErrorAnswer:
    if error is None:
        assert status is not None
        other = "InternalFailure" if status >= 500 else "InvalidParameterException"
        error = _API_OF_STATUS.get(status, other)
    default = 500 if error == "ServerException" else _COMMON.get(error, 400)
    return ErrorAnswer(error, message or _message_of(error), status or default)


def _in_registry(error: str | None, status: int | None, message: str | None) -> ErrorAnswer:
    if error is None:
        assert status is not None
        error = _REGISTRY_OF_STATUS.get(status, "UNAVAILABLE" if status > 500 else "UNSUPPORTED")
    if error in _REGISTRY_CODES:
        text = THROTTLED if error == "TOOMANYREQUESTS" else f"The request was refused with {error}"
        return ErrorAnswer(error, message or text, status or _REGISTRY_CODES[error])
    row = _row_of(error)
    if row is not None:
        text = message or row.message or _message_of(error)
        return ErrorAnswer(row.code, text, status or row.status)
    code = _REGISTRY_OF_COMMON.get(error)
    if code is None:
        of_api = _COMMON.get(error, 400)
        code = _REGISTRY_OF_STATUS.get(of_api, "UNSUPPORTED")
    return ErrorAnswer(code, message or _message_of(error), status or _REGISTRY_CODES[code])


def _row_of(error: str) -> ErrorRow | None:
    kind = _class_of(error)
    for each in kind.__mro__ if kind else ():
        if each in ERRORS:
            return ERRORS[each]
    return None


def _class_of(error: str) -> type[exceptions.ECRError] | None:
    if error == "AccessDeniedException":
        return AccessDeniedException
    kind: type[exceptions.ECRError] | None = getattr(exceptions, error, None)
    return kind


@cache
def _message_of(error: str) -> str:
    """Return ECR's text of an error, or else the sentence of its documentation."""
    if error == "ThrottlingException":
        return THROTTLED
    text = getattr(_class_of(error), "message", None)
    if isinstance(text, str) and text:
        return text
    return service_model.documentation_of(error) or f"The request was refused with {error}."
