"""The JSON protocol: a request in, one call of the backend, its result or error out.

AWS JSON 1.1. moto's own way from a request to a method parses the body several times and serialises by searching for
names; this class has its own `dispatch`, which does each once (see `validation` and `rendering`).
"""

from __future__ import annotations

import gzip
import io
import json
import uuid
import zlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from moto.core.responses import BaseResponse
from moto.core.utils import utcnow
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date

from . import hosts, service_model, settings
from .caller import Caller, calling
from .exceptions import (
    PROJECT_CODES,
    ECRError,
    MissingAuthenticationTokenException,
    SerializationException,
    UnknownOperationException,
)
from .principals import principal_of
from .rendering import render
from .validation import check

if TYPE_CHECKING:
    from .models import ECRBackend

_TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
_CONTENT_TYPE = "application/x-amz-json-1.1"

Answer = tuple[int, dict[str, str], str]


class ECRResponse(BaseResponse):
    """What moto calls for a request to ECR's API, in the process, in the server and in the proxy."""

    def __init__(self) -> None:
        super().__init__(service_name="ecr")

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Answer:  # type: ignore[override]
        """Answer a request. The server reads the class off this bound method, so that it has to be one."""
        return cls().answer(request, full_url)

    def answer(self, request: Any, full_url: str) -> Answer:
        self._read_envelope(request, full_url)
        try:
            operation = self._operation()
            parameters = check(operation, self._parse_body())
            self._authorize(parameters)
            result = self._call(operation, parameters)
        except ECRError as error:
            return self._render_error(error)
        except HTTPException as error:
            return self._render_refusal(error)
        return 200, self._response_headers(), json.dumps(result)

    def _read_envelope(self, request: Any, full_url: str) -> None:
        """All of the request but what its body means, under the names that moto's authentication reads."""
        self.headers = request.headers
        self.raw_body = _take_body(request)
        self.method = request.method
        self.uri = full_url
        self.parsed_url = urlsplit(full_url)
        self.raw_path = self.parsed_url.path
        self.data = self.querystring = {}
        self.region = self.get_region_from_url(request, full_url)
        self.access_key = self.get_access_key()
        self.current_account = self.get_current_account()

    def _operation(self) -> str:
        target = str(self.headers.get("X-Amz-Target", ""))
        operation = target.removeprefix(_TARGET_PREFIX)
        if operation == target or service_model.operation(operation) is None:
            raise UnknownOperationException
        return operation

    def _get_action(self) -> str:
        """The operation, for moto's authentication."""
        return self._operation()

    def _parse_body(self) -> Any:
        body = self.raw_body
        if self.headers.get("Content-Encoding") == "gzip":
            try:
                body = gzip.decompress(body)
            except (OSError, EOFError, zlib.error):
                raise SerializationException("The body is not valid gzip") from None
        try:
            return json.loads(body) if body.strip() else {}
        except (ValueError, RecursionError):
            raise SerializationException("The body is not valid JSON") from None

    def _authorize(self, parameters: dict[str, Any]) -> None:
        """Ask moto's IAM, which enforces its policies once a test has said so."""
        resource = "*"
        if "repositoryName" in parameters:
            resource = hosts.repository_arn(
                parameters.get("registryId", self.current_account),
                self.region,
                parameters["repositoryName"],
            )
        try:
            self._authenticate_and_authorize_normal_action(resource)
        except KeyError:
            # moto reads the signature of a request that has none.
            raise MissingAuthenticationTokenException from None

    def _call(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        method_name = service_model.method_name(operation)
        method = getattr(self.backend, method_name, None)
        if method is None:
            raise UnknownOperationException(f"{operation} is not implemented by moto_ecr_ext.")
        arguments = {service_model.method_name(name): value for name, value in parameters.items()}
        with calling(self._caller(operation)):
            return render(operation, method(**arguments))

    @property
    def backend(self) -> ECRBackend:
        from .models.backends import registry_backend

        return registry_backend(self.current_account, self.region)

    def _caller(self, operation: str) -> Caller:
        host = self.headers.get("Host") or self.parsed_url.netloc
        return Caller(
            action=f"ecr:{operation}",
            principal=principal_of(self.current_account, self.region, self.access_key, self.headers),
            scheme=self.parsed_url.scheme,
            address=None if hosts.is_aws_host(host) else host,
        )

    def _render_error(self, error: ECRError) -> Answer:
        headers = self._response_headers()
        project_code = PROJECT_CODES.get(type(error))
        if project_code and settings.ERROR_CODES.get() == "project":
            headers["x-amzn-query-error"] = f"{project_code};Sender"
        body = {"__type": error.code, "message": error.message, **error.members()}
        return error.status, headers, json.dumps(body)

    def _render_refusal(self, error: HTTPException) -> Answer:
        """What moto's IAM says, which speaks XML, in the form of this protocol."""
        code = getattr(error, "error_type", error.name)
        # Services of the JSON protocols call it so.
        code = {"AccessDenied": "AccessDeniedException"}.get(code, code)
        body = {"__type": code, "message": getattr(error, "message", error.description)}
        return error.code or 403, self._response_headers(), json.dumps(body)

    def _response_headers(self) -> dict[str, str]:
        return {
            "Content-Type": _CONTENT_TYPE,
            "x-amzn-RequestId": str(uuid.uuid4()),
            "date": http_date(utcnow()),
        }


def _take_body(request: Any) -> bytes:
    """The whole body, taken out of the request.

    A werkzeug request and its environment refer to each other, so that a body left there stays in memory until the
    garbage collector comes: 13 MiB for each part of a layer.
    """
    if isinstance(request, AWSPreparedRequest):  # moto up to 5.2.2, in the process
        body = request.body
        if hasattr(body, "read"):
            body = body.read()
        return body.encode() if isinstance(body, str) else bytes(body or b"")
    body = request.get_data(cache=False)
    request.environ["wsgi.input"] = io.BytesIO()
    request.environ.pop("werkzeug.request", None)
    return bytes(body)
