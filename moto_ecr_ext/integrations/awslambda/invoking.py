"""Invocations of functions of images, by all of moto's ways."""

from __future__ import annotations

import base64
import json
import logging
import uuid
from typing import TYPE_CHECKING, Any

from moto_ecr_ext.integrations.awslambda.runtime.events import InvocationEvent, trace_id
from moto_ecr_ext.integrations.awslambda.runtime.function import FunctionVersion, ImageOverrides
from moto_ecr_ext.integrations.docker.errors import ConsumerError, ImageGone
from moto_ecr_ext.seams.replacing import Unplug, replace, replace_all

from .destinations import asynchronous_settings, deliver
from .functions import refusal, source_of
from .names import check_qualifier, name_in_path, qualifier_in

if TYPE_CHECKING:
    from moto_ecr_ext.integrations.awslambda.runtime.sandbox import Invocation

log = logging.getLogger("moto_ecr_ext")

# Bytes. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; for asynchronous invocations
# since October 2025.
_LARGEST_REQUEST = 6 * 1024 * 1024
_LARGEST_EVENT = 1024 * 1024

_REQUEST_ID = "x-amzn-requestid"

_KINDS = ("Event", "RequestResponse", "DryRun")

_Answer = tuple[int, dict[str, str], str | bytes]


def plug() -> Unplug:
    """Invoke functions of images.

    The operations arrive at `LambdaResponse.invoke` and `invoke_async`, with the request in `path`, `headers`,
    `querystring` and `body`, which `setup_class` sets. Event source mappings, SNS, S3, Logs and others call
    `LambdaFunction.invoke`, with a JSON body and a dict for the headers of the answer. `_enrich_response` adds a
    request id to each answer at the end.
    """
    from moto.awslambda.models import LambdaBackend, LambdaFunction
    from moto.awslambda.responses import LambdaResponse

    return replace_all(
        replace(LambdaResponse, "setup_class", _with_any_body(LambdaResponse.setup_class)),
        replace(LambdaResponse, "invoke", _operation(LambdaResponse.invoke)),
        replace(LambdaResponse, "invoke_async", _old_operation(LambdaResponse.invoke_async)),
        replace(
            LambdaResponse,
            "_enrich_response",
            staticmethod(_with_own_request_id(LambdaResponse._enrich_response)),
        ),
        replace(LambdaFunction, "invoke", _call(LambdaFunction.invoke)),
        replace(LambdaBackend, "delete_function", _deletion(LambdaBackend.delete_function)),
    )


def _uses_docker() -> bool:
    """Return True if moto's Lambda runs functions; its other variant answers without running them."""
    from moto.core.config import default_user_config

    return default_user_config.get("lambda", {}).get("use_docker", True) is not False


def _with_any_body(original: Any) -> Any:
    """Leave a body that is not UTF-8 undecoded, so that operations can refuse it. moto fails to decode it."""

    def setup_class(self: Any, *arguments: Any, **options: Any) -> None:
        try:
            original(self, *arguments, **options)
        except UnicodeDecodeError:
            original(self, *arguments, **{**options, "use_raw_body": True})

    return setup_class


def _refuse_undecoded(body: Any) -> None:
    """Raise AWS's error for a body that is not UTF-8, also for functions that moto handles."""
    if isinstance(body, bytes):
        _payload(body, "RequestResponse")


def _operation(original: Any) -> Any:
    def invoke(self: Any) -> _Answer:
        _refuse_undecoded(self.body)
        name = name_in_path(self)
        qualifier = self.querystring.get("Qualifier", [None])[0]
        if not _uses_docker() or not _is_of_image(self.backend, name):
            answer: _Answer = original(self)
            return answer
        check_qualifier(name, qualifier)
        function = self.backend.get_function(name, qualifier)
        return _answer_operation(self, function, _invoked_arn(function, name, qualifier))

    return invoke


def _old_operation(original: Any) -> Any:
    def invoke_async(self: Any) -> _Answer:
        """Invoke a function by the deprecated operation InvokeAsync.

        https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html
        """
        from moto_ecr_ext.integrations.awslambda.runtime.asynchronous import invoke_later

        _refuse_undecoded(self.body)
        name = name_in_path(self)
        if not _uses_docker() or not _is_of_image(self.backend, name):
            answer: _Answer = original(self)
            return answer
        function = self.backend.get_function(name, None)
        event = _event(_payload(self.body, "Event"), function.function_arn, {})
        invoke_later(_version_of(function), event, asynchronous_settings(function), deliver)
        return 202, {"status": "202"}, ""

    return invoke_async


def _with_own_request_id(original: Any) -> Any:
    """Keep the request id of an answer that has one: it is also the id of the event."""

    def _enrich_response(headers: dict[str, str], body: Any) -> Any:
        own = headers.pop(_REQUEST_ID, None)
        headers, body = original(headers, body)
        if own is not None:
            headers[_REQUEST_ID] = own
        return headers, body

    return _enrich_response


def _is_of_image(backend: Any, name: str) -> bool:
    """Return True if a function exists and has an image."""
    from moto.awslambda.exceptions import LambdaClientError

    try:
        return bool(backend.get_function(name, None).package_type == "Image")
    except LambdaClientError:
        return False


def _invoked_arn(function: Any, name: str, qualifier: str | None) -> str:
    """Return the ARN that the caller has used. It has a version or an alias only if the caller named one."""
    base = ":".join(function.function_arn.split(":")[:7])
    used = qualifier_in(name) or qualifier
    return f"{base}:{used}" if used else base


def _answer_operation(response: Any, function: Any, arn: str) -> _Answer:
    from moto_ecr_ext.integrations.awslambda.runtime.asynchronous import invoke_later

    kind = response.headers.get("X-Amz-Invocation-Type", "RequestResponse")
    _check_kind(kind)
    payload = _payload(response.body, kind)
    version = _version_of(function)
    if kind == "DryRun":
        return 204, {"status": "204"}, ""
    event = _event(payload, arn, response.headers)
    headers = {"status": "200", _REQUEST_ID: event.request_id}
    _check_concurrency(response.backend, version)
    if kind == "Event":
        invoke_later(version, event, asynchronous_settings(function), deliver)
        return 202, {**headers, "status": "202"}, ""
    invocation = _run(version, event)
    headers["content-type"] = "application/json"
    headers["x-amz-executed-version"] = version.version
    if invocation.outcome.is_error:
        headers["x-amz-function-error"] = "Unhandled"
    if response.headers.get("X-Amz-Log-Type") == "Tail":
        headers["x-amz-log-result"] = base64.b64encode(invocation.log.encode()).decode()
    return 200, headers, invocation.outcome.payload


def _check_kind(kind: str) -> None:
    """Raise AWS's error for an unknown type of invocation."""
    from moto.awslambda.exceptions import ValidationException

    if kind not in _KINDS:
        raise ValidationException(
            kind,
            "invocationType",
            f"Member must satisfy enum value set: [{', '.join(_KINDS)}]",
        )


def _payload(body: Any, kind: str) -> bytes:
    """Return the payload of a call. Raises AWS's error for a payload that is too large or not JSON."""
    payload = body if isinstance(body, bytes) else (body or "").encode()
    limit = _LARGEST_EVENT if kind == "Event" else _LARGEST_REQUEST
    if len(payload) > limit:
        raise refusal(
            "RequestTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            413,
        )
    if not payload:
        return b"{}"
    try:
        # Python would accept UTF-16 and UTF-32 as well.
        json.loads(payload.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise refusal(
            "InvalidRequestContentException",
            f"Could not parse request body into json: {error}",
        ) from None
    return payload


def _refuse(constant: str) -> None:
    """Refuse a constant that Python accepts as a number and JSON does not have."""
    raise ValueError(f"{constant} is not a JSON value")


def _version_of(function: Any) -> FunctionVersion:
    """Return the version of a function from which a container is made.

    Raises AWS's error if its image is not in this ECR.
    """

    source = source_of(function)
    if source is None:
        raise refusal(
            "CodeArtifactUserDeletedException",
            f"The image {function.code.get('ImageUri')} was not in this ECR when the function was created or updated, "
            "or is a placeholder image; push it, and call UpdateFunctionCode.",
            409,
        )
    config = function.image_config
    return FunctionVersion(
        account_id=function.account_id,
        region=function.region,
        name=function.function_name,
        arn=function.function_arn,
        version=str(function.version),
        image_name=source.name,
        image_registry=source.registry,
        image_digest=source.digest,
        overrides=ImageOverrides(
            tuple(config.entry_point), tuple(config.cmd), config.working_directory or ""
        ),
        environment=dict(function.environment_vars or {}),
        memory=int(function.memory_size),
        timeout=int(function.timeout),
    )


def _event(payload: bytes, arn: str, headers: Any) -> InvocationEvent:

    context = headers.get("X-Amz-Client-Context")
    try:
        decoded = base64.b64decode(context, validate=True).decode() if context else ""
    except ValueError:
        raise refusal(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON"
        ) from None
    return InvocationEvent(
        request_id=str(uuid.uuid4()),
        payload=payload,
        invoked_arn=arn,
        wants_log=headers.get("X-Amz-Log-Type") == "Tail",
        headers={
            "Lambda-Runtime-Trace-Id": headers.get("X-Amzn-Trace-Id") or trace_id(),
            "Lambda-Runtime-Client-Context": decoded,
            "Lambda-Runtime-Aws-Tenant-Id": headers.get("X-Amz-Tenant-Id") or "",
        },
    )


def _check_concurrency(backend: Any, version: FunctionVersion) -> None:
    """Raise AWS's error if the reserved concurrency of a function, which its versions share, is exhausted."""
    from moto_ecr_ext.integrations.awslambda.runtime.pool import pool

    latest = backend.get_function(version.name, None)
    reserved = latest.reserved_concurrency
    if reserved is not None and pool.concurrency(latest.function_arn) >= int(reserved):
        raise refusal("TooManyRequestsException", "Rate Exceeded.", 429)


def _run(version: FunctionVersion, event: InvocationEvent) -> Invocation:
    """Invoke a function. Raises AWS's errors for an image that cannot run."""
    from moto_ecr_ext.integrations.awslambda.runtime.pool import pool

    try:
        return pool.invoke(version, event)
    except ImageGone as error:
        raise refusal("CodeArtifactUserDeletedException", str(error), 409) from None
    except ConsumerError as error:
        raise refusal("CodeArtifactUserFailedException", str(error), 409) from None


def _call(original: Any) -> Any:
    def invoke(self: Any, body: str, request_headers: Any, response_headers: Any) -> str | bytes:
        if self.package_type != "Image" or not _uses_docker():
            answer: str | bytes = original(self, body, request_headers, response_headers)
            return answer
        return _invoke_for_service(self, body, request_headers, response_headers)

    return invoke


def _invoke_for_service(
    function: Any, body: str, request_headers: Any, response_headers: Any
) -> bytes:
    """Invoke a function for another service of moto. Its caller receives no errors."""
    from moto.awslambda.exceptions import LambdaClientError

    from moto_ecr_ext.integrations.awslambda.runtime.asynchronous import invoke_later
    from moto_ecr_ext.integrations.awslambda.runtime.pool import pool

    event = _event(body.encode() if body else b"{}", function.function_arn, request_headers)
    try:
        version = _version_of(function)
    except LambdaClientError as error:
        return _not_invoked(function.function_arn, error.message, response_headers)
    headers = {name.lower(): value for name, value in dict(request_headers).items()}
    if headers.get("x-amz-invocation-type") == "Event":
        invoke_later(version, event, asynchronous_settings(function), deliver)
        return b""
    try:
        outcome = pool.invoke(version, event).outcome
    except ConsumerError as error:
        return _not_invoked(version.arn, str(error), response_headers)
    if outcome.is_error:
        response_headers["x-amz-function-error"] = "Unhandled"
    return outcome.payload


def _not_invoked(arn: str, reason: str, response_headers: Any) -> bytes:
    """Log why a function was not invoked, and return the payload for the service that invoked it."""
    log.error("%s was not invoked: %s", arn, reason)
    response_headers["x-amz-function-error"] = "Unhandled"
    return json.dumps({"errorMessage": reason}).encode()


def _deletion(original: Any) -> Any:
    def delete_function(self: Any, function_name: str, qualifier: str | None = None) -> None:
        from moto_ecr_ext.integrations.awslambda.runtime.pool import pool

        try:
            arn = self.get_function(function_name, qualifier).function_arn
        except Exception:
            arn = None
        original(self, function_name, qualifier)
        if arn is not None:
            pool.remove(arn)

    return delete_function
