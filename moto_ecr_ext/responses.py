"""The JSON protocol: it parses a request, makes one call of the backend, and renders the result or error.

AWS JSON 1.1. moto's code parses the body several times, and serializes by searching for names. This class has its own
`dispatch`, which does each once (see `json_api`).
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlparse

from moto.core.responses import BaseResponse
from werkzeug.datastructures import Headers

from moto_ecr_ext.json_api.bodies import parse_body, take_body, unzip_body
from moto_ecr_ext.json_api.faults import broken_answer, suffer
from moto_ecr_ext.json_api.newer_models import log_newer, warn_of_newer
from moto_ecr_ext.json_api.operations import perform
from moto_ecr_ext.json_api.rendering import render
from moto_ecr_ext.json_api.validation import check
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.failures import reporting_failures_of_storage
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.models.registry.calls import note_answer
from moto_ecr_ext.moto_services.iam import authenticate, principal_of, record_use_of_key

from . import arns, faults, hosts, service_model
from .caller import LOOPBACK, Caller, calling
from .calls import API, CallRecord, recording
from .clock import date_header
from .compatibility.switches import current_rules
from .exceptions import ECRError
from .exceptions.common import (
    IncompleteSignatureException,
    InvalidSignatureException,
    UnknownOperationException,
    UnrecognizedClientException,
)
from .process import came_to_a_server

_TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
# The greatest length of an operation's name in the record of a call. An unknown operation may be any text.
_LONGEST_NAME = 60
_CONTENT_TYPE = "application/x-amz-json-1.1"
_REQUEST_ID = "x-amzn-RequestId"

# AWS's form: tokens without whitespace between them.
_to_json = json.JSONEncoder(separators=(",", ":")).encode

Answer = tuple[int, dict[str, str], str]


class ECRResponse(BaseResponse):
    """The response class that moto calls for requests to ECR's API, in the process, in the server and in the proxy."""

    # moto reads the Region of a host name by this pattern. Names of VPC endpoints have `vpce` behind the Region.
    region_regex = re.compile(r"\.(?P<region>[^.]+)(?:\.vpce)?\.amazonaws\.com")

    def __init__(self, call: CallRecord) -> None:
        super().__init__(service_name="ecr")
        self.call = call

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Answer:
        """Respond to a request. The server reads the class from this bound method, so it must be a class method."""
        with recording(API, request.method, urlparse(full_url).path) as call:
            try:
                status, headers, body = cls(call).answer(request, full_url)
            except faults.ConnectionEnds as end:
                return broken_answer(request, call, end)
            call.status, call.sent, call.request_id = status, len(body), headers[_REQUEST_ID]
            note_answer(call)
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
        target = str(request.headers.get("X-Amz-Target", ""))
        self.call.operation = target.removeprefix(_TARGET_PREFIX)[:_LONGEST_NAME]
        self.raw_body = take_body(request)
        self.call.received = len(self.raw_body)
        self.client = getattr(request, "remote_addr", None) or LOOPBACK
        self.call.client = self.client
        self.call.user_agent = str(self.headers.get("User-Agent", ""))
        self.method = request.method
        self.uri = full_url
        self.parsed_url = urlparse(full_url)
        self.raw_path = self.parsed_url.path
        self.data = self.querystring = {}
        self.announce = log_newer if came_to_a_server(request) else warn_of_newer
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
        if not arns.is_account_id(account_id):
            raise UnrecognizedClientException(
                f"'{account_id}' is not an account id, which has twelve digits."
            )
        return account_id

    def _operation(self) -> str:
        target = str(self.headers.get("X-Amz-Target", ""))
        operation = target.removeprefix(_TARGET_PREFIX)
        if operation == target or service_model.operation(operation) is None:
            raise UnknownOperationException
        call = self.call
        call.kind, call.operation = operation, operation
        call.account_id = call.registry_id = self.current_account
        call.region = self.region
        return operation

    def _result(self, operation: str) -> dict[str, Any]:
        """Check the parameters and the signature, make the one call, and render the result."""
        parameters = check(operation, self._parse_body(operation), self.announce)
        call = self.call
        call.repository = parameters.get("repositoryName", "")
        call.reference = _reference_in(parameters)
        call.registry_id = parameters.get("registryId", self.current_account)
        caller = self._caller(operation, parameters, authenticate(self, self.headers))
        call.caller = caller.principal
        backend = self.backend
        with calling(caller):
            if caller.is_enforced:
                backend.authorize_call(self._resources(operation, parameters))
            call.is_authorized = True
            if faults.active:
                suffer(call)
            result = render(operation, perform(backend, operation, parameters))
        _note_images(call, parameters, result)
        return result

    def _parse_body(self, operation: str) -> Any:
        body, large = self.raw_body, service_model.large_member(operation)
        if self.headers.get("Content-Encoding", "").lower() == "gzip":
            body = unzip_body(body, large)
        return parse_body(body, large)

    def _get_action(self) -> str:
        """Return the IAM action without its service, for moto's authentication."""
        return _action(self._operation())

    def _caller(self, operation: str, parameters: dict[str, Any], is_enforced: bool) -> Caller:
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
            user_agent=self.call.user_agent,
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
        return [arns.repository_arn(registry_id, self.region, name) for name in names] or ["*"]

    def _render_error(self, error: ECRError) -> Answer:
        self.call.error_code = error.code
        headers = self._response_headers()
        other_code = current_rules().errors.other_code(error)
        if other_code:
            headers["x-amzn-query-error"] = f"{other_code};Sender"
        body = {"__type": error.code, "message": error.message, **error.members()}
        return error.status, headers, _to_json(body)

    def _response_headers(self) -> dict[str, str]:
        return {
            "Content-Type": _CONTENT_TYPE,
            _REQUEST_ID: str(uuid.uuid4()),
        }


def _action(operation: str) -> str:
    """Return the IAM action that allows an operation.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html: it has no separate action.
    """
    return "BatchGetImage" if operation == "ListImageReferrers" else operation


def _reference_in(parameters: dict[str, Any]) -> str:
    """Return the tag or digest of the image or layer that a request names; empty for none, and for several."""
    image_ids = parameters.get("imageIds", ())
    image_id = parameters.get("imageId") or (image_ids[0] if len(image_ids) == 1 else parameters)
    for name in ("imageTag", "imageDigest", "layerDigest"):
        if image_id.get(name):
            return str(image_id[name])
    return ""


def _note_images(call: CallRecord, parameters: dict[str, Any], result: dict[str, Any]) -> None:
    """Note the digest of the image or layer in a result, or each image if the request names several."""
    if "imageIds" not in parameters:
        image = result.get("image") or result
        call.digest = str(
            (image.get("imageId") or {}).get("imageDigest") or result.get("layerDigest") or ""
        )
        return
    image_ids = [each["imageId"] for each in result.get("images", ()) if "imageId" in each]
    found = [
        (str(each.get("imageTag", "")), str(each.get("imageDigest", "")))
        for each in image_ids or result.get("imageIds", ())
    ]
    if len(parameters["imageIds"]) > 1:
        call.images = found
    elif found:
        # An image has an entry for each of its tags.
        call.digest = found[0][1]
