"""The JSON protocol: it parses a request, makes one call of the backend, and renders the result or error.

AWS JSON 1.1. moto's code parses the body several times, and serializes by searching for names. This class has its own
`dispatch`, which does each once (see `json_api`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from time import perf_counter
from typing import Any
from urllib.parse import urlparse

from moto.core.responses import BaseResponse
from werkzeug.datastructures import Headers

from moto_ecr_ext.json_api.bodies import parse_body, take_body, unzipped
from moto_ecr_ext.json_api.operations import perform
from moto_ecr_ext.json_api.rendering import render
from moto_ecr_ext.json_api.validation import check
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.failures import reporting_failures_of_storage
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.models.registry.counts import note_request
from moto_ecr_ext.services.iam import authenticate, principal_of, record_use_of_key

from . import hosts, service_model, settings
from .caller import LOOPBACK, Caller, calling, current_exchange
from .clock import date_header
from .compatibility import PROJECT_ERROR_CODES
from .exceptions import PROJECT_CODES, ECRError
from .exceptions.common import (
    IncompleteSignatureException,
    InvalidSignatureException,
    UnknownOperationException,
    UnrecognizedClientException,
)

_TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
# The greatest length of an operation's name in the list of the last requests. An unknown operation may be any text.
_LONGEST_NAME = 60
_CONTENT_TYPE = "application/x-amz-json-1.1"

# AWS's form: tokens without whitespace between them.
_to_json = json.JSONEncoder(separators=(",", ":")).encode

Answer = tuple[int, dict[str, str], str]


class ECRResponse(BaseResponse):
    """The response class that moto calls for requests to ECR's API, in the process, in the server and in the proxy."""

    # moto reads the Region of a host name by this pattern. Names of VPC endpoints have `vpce` behind the Region.
    region_regex = re.compile(r"\.(?P<region>[^.]+)(?:\.vpce)?\.amazonaws\.com")

    about = ""
    """The repository and the registry of the request, as far as they are known."""

    def __init__(self) -> None:
        super().__init__(service_name="ecr")

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Answer:
        """Respond to a request. The server reads the class from this bound method, so it must be a class method."""
        began = perf_counter()
        response = cls()
        status, headers, body = response.answer(request, full_url)
        target = str(request.headers.get("X-Amz-Target", "")).removeprefix(_TARGET_PREFIX)
        note_request(target[:_LONGEST_NAME], status, perf_counter() - began, response.about)
        return status, {**headers, **date_header(request)}, body

    def answer(self, request: Any, full_url: str) -> Answer:
        """Return the status, the headers without the date, and the body of the response."""
        try:
            self._read_envelope(request, full_url)
            operation = self._operation()
            with reporting_failures_of_storage(operation):
                result = self._result(operation)
        except ECRError as error:
            return self._render_error(error)
        return 200, self._response_headers(), _to_json(result)

    def _read_envelope(self, request: Any, full_url: str) -> None:
        """Read the request, except its body's content, into the attributes that moto's authentication uses."""
        self.headers = request.headers
        if "host" not in self.headers:
            # The header is signed, but only the transport would write it: moto up to 5.2.2, in the process. Clients of
            # HTTP/1.0 need not send it.
            self.headers = Headers([*self.headers.items(), ("Host", urlparse(full_url).netloc)])
        self.raw_body = take_body(request)
        self.client = getattr(request, "remote_addr", None) or LOOPBACK
        self.method = request.method
        self.uri = full_url
        self.parsed_url = urlparse(full_url)
        self.raw_path = self.parsed_url.path
        self.data = self.querystring = {}
        try:
            self.region = self.get_region_from_url(request, full_url)
        except IndexError:
            # moto parses the credential's Region even if it is missing.
            raise IncompleteSignatureException from None
        self.access_key = self.get_access_key()
        self.current_account = self._account()
        record_use_of_key(self.current_account, self.region, self.access_key)

    def _account(self) -> str:
        """Return the account of the caller. moto accepts any text, from a header or the environment."""
        account_id = self.get_current_account()
        if not hosts.is_account_id(account_id):
            raise UnrecognizedClientException(
                f"'{account_id}' is not an account id, which has twelve digits."
            )
        return account_id

    def _operation(self) -> str:
        target = str(self.headers.get("X-Amz-Target", ""))
        operation = target.removeprefix(_TARGET_PREFIX)
        if operation == target or service_model.operation(operation) is None:
            raise UnknownOperationException
        exchange = current_exchange()
        if exchange is not None:
            exchange.kind = exchange.name = operation
            exchange.service = ""
            exchange.account_id, exchange.region = self.current_account, self.region
        return operation

    def _result(self, operation: str) -> dict[str, Any]:
        """Check the parameters and the signature, make the one call, and render the result."""
        parameters = check(operation, self._parse_body(operation))
        exchange = current_exchange()
        if exchange is not None:
            exchange.repository = parameters.get("repositoryName", "")
        caller = self._caller(operation, parameters, authenticate(self, self.headers))
        backend = self.backend
        with calling(caller):
            if caller.is_enforced:
                backend.authorize_call(self._resources(operation, parameters))
            result = render(operation, perform(backend, operation, parameters))
        backend.count_call(operation)
        if exchange is not None:
            exchange.digest = _digest_in(result)
        return result

    def _parse_body(self, operation: str) -> Any:
        body, large = self.raw_body, service_model.large_member(operation)
        if self.headers.get("Content-Encoding", "").lower() == "gzip":
            body = unzipped(body, large)
        return parse_body(body, large)

    def _get_action(self) -> str:
        """Return the IAM action without its service, for moto's authentication."""
        return _action(self._operation())

    def _caller(self, operation: str, parameters: dict[str, Any], is_enforced: bool) -> Caller:
        named = (parameters.get("repositoryName", ""), self.current_account, self.region)
        self.about = " ".join(filter(None, named))
        host = self.headers.get("Host") or self.parsed_url.netloc
        return Caller(
            action=f"ecr:{_action(operation)}",
            principal=principal_of(
                self.current_account, self.region, self.access_key, self.headers
            ),
            scheme=self.parsed_url.scheme,
            address=None if hosts.is_aws_host(host) else host,
            is_enforced=is_enforced,
            client=self.client,
            vpc_endpoint=hosts.vpc_endpoint_of_host(host),
            user_agent=self.headers.get("User-Agent", ""),
            parameters=parameters,
        )

    @property
    def backend(self) -> ECRBackend:
        """The caller's registry. Raises InvalidSignatureException if moto does not know the Region."""
        try:
            return registry_backend(self.current_account, self.region)
        except KeyError:
            raise InvalidSignatureException(
                "Credential should be scoped to a valid region."
            ) from None

    def _resources(self, operation: str, parameters: dict[str, Any]) -> Sequence[str]:
        """Return the ARNs of the request's resources, by which IAM's policies name them.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonelasticcontainerregistry.html
        """
        if "resourceArn" in parameters:
            return [parameters["resourceArn"]]
        names = parameters.get("repositoryNames", [])
        if "repositoryName" in parameters:
            names = [parameters["repositoryName"]]
        elif operation == "DescribeRepositories" and not names:
            names = ["*"]
        registry_id = parameters.get("registryId", self.current_account)
        return [hosts.repository_arn(registry_id, self.region, name) for name in names] or ["*"]

    def _render_error(self, error: ECRError) -> Answer:
        headers = self._response_headers()
        project_code = PROJECT_CODES.get(type(error))
        if project_code and settings.ERROR_CODES.get() == "project":
            headers["x-amzn-query-error"] = f"{project_code};Sender"
            PROJECT_ERROR_CODES.notice(f"{project_code}, on AWS {error.code}")
        body = {"__type": error.code, "message": error.message, **error.members()}
        return error.status, headers, _to_json(body)

    def _response_headers(self) -> dict[str, str]:
        return {
            "Content-Type": _CONTENT_TYPE,
            "x-amzn-RequestId": str(uuid.uuid4()),
        }


def _action(operation: str) -> str:
    """Return the IAM action that allows an operation.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html: it has no separate action.
    """
    return "BatchGetImage" if operation == "ListImageReferrers" else operation


def _digest_in(result: dict[str, Any]) -> str:
    """Return the digest of the image or layer in a result; an empty text if it has no digest."""
    image = result.get("image") or {}
    return str(
        (image.get("imageId") or {}).get("imageDigest")
        or result.get("layerDigest")
        or (result.get("imageId") or {}).get("imageDigest")
        or ""
    )
