"""The JSON protocol: a request in, one call of the backend, its result or error out.

AWS JSON 1.1. moto's own way from a request to a method parses the body several times and serialises by searching for
names; this class has its own `dispatch`, which does each once (see `validation` and `rendering`).
"""

from __future__ import annotations

import gzip
import io
import json
import logging
import re
import uuid
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from botocore.awsrequest import AWSPreparedRequest
from moto.core.exceptions import SignatureDoesNotMatchError
from moto.core.responses import BaseResponse
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from . import hosts, service_model, settings
from .caller import Caller, calling
from .dates import date_header
from .enforcement import SignedRequest, is_enforced
from .exceptions import (
    PROJECT_CODES,
    ECRError,
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    RequestTooLargeException,
    SerializationException,
    ServerException,
    UnknownOperationException,
    UnrecognizedClientException,
)
from .json_bodies import parse_body
from .operations import perform
from .principals import principal_of
from .rendering import render
from .validation import check

if TYPE_CHECKING:
    from .models import ECRBackend

log = logging.getLogger("moto_ecr_ext")

_TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921."
_CONTENT_TYPE = "application/x-amz-json-1.1"

# Bytes. The largest request that ECR takes is PutImage with 4,194,304 characters, which are at most twelve bytes each
# in JSON (`\ud83d\ude00`).
MAX_BODY = 64 * 1024 * 1024

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
_SIGNATURE = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[^/,]+/[0-9]{8}/[^/,]+/[^/,]+/aws4_request, *"
    r"SignedHeaders=(?P<signed>[^,]+), *Signature=[0-9a-f]+"
)

Answer = tuple[int, dict[str, str], str]


class ECRResponse(BaseResponse):
    """What moto calls for a request to ECR's API, in the process, in the server and in the proxy."""

    def __init__(self) -> None:
        super().__init__(service_name="ecr")

    @classmethod
    def dispatch(cls, request: Any, full_url: str, headers: Any) -> Answer:
        """Answer a request. The server reads the class off this bound method, so it has to be one."""
        status, headers, body = cls().answer(request, full_url)
        return status, {**headers, **date_header(request)}, body

    def answer(self, request: Any, full_url: str) -> Answer:
        """The status, headers but for the date, and body of the answer."""
        try:
            self._read_envelope(request, full_url)
            operation = self._operation()
            parameters = check(operation, self._parse_body(operation))
            caller = self._caller(operation, self._authenticate())
            result = self._call(operation, parameters, caller)
        except ECRError as error:
            return self._render_error(error)
        except Exception as error:
            from .storage.blobs import BlobStoreUnavailable
            from .storage.store import is_failure_of_storage

            if isinstance(error, BlobStoreUnavailable):
                log.error("%s: %s", self._operation(), error)
                return self._render_error(ServerException(str(error)))
            if not is_failure_of_storage(error):
                raise
            log.exception("%s could not read or write what is kept", self._operation())
            return self._render_error(ServerException())
        return 200, self._response_headers(), json.dumps(result)

    def _read_envelope(self, request: Any, full_url: str) -> None:
        """All of the request but what its body means, by the names that moto's authentication reads."""
        from moto.iam.models import mark_account_as_visited

        self.headers = request.headers
        if "host" not in self.headers:
            # It is signed, and only the transport would write it: moto up to 5.2.2, in the process.
            self.headers["host"] = urlparse(full_url).netloc
        self.raw_body = _take_body(request)
        self.method = request.method
        self.uri = full_url
        self.parsed_url = urlparse(full_url)
        self.raw_path = self.parsed_url.path
        self.data = self.querystring = {}
        try:
            self.region = self.get_region_from_url(request, full_url)
        except IndexError:
            # moto reads the region of a credential that has none.
            raise IncompleteSignatureException from None
        self.access_key = self.get_access_key()
        self.current_account = self.get_current_account()
        # What GetAccessKeyLastUsed of moto's IAM tells.
        mark_account_as_visited(self.current_account, self.access_key, "ecr", self.region)

    def _operation(self) -> str:
        target = str(self.headers.get("X-Amz-Target", ""))
        operation = target.removeprefix(_TARGET_PREFIX)
        if operation == target or service_model.operation(operation) is None:
            raise UnknownOperationException
        return operation

    def _get_action(self) -> str:
        """The IAM action without its service, for moto's authentication."""
        return _action(self._operation())

    def _parse_body(self, operation: str) -> Any:
        body = self.raw_body
        if self.headers.get("Content-Encoding", "").lower() == "gzip":
            body = _unzipped(body)
        return parse_body(body, service_model.blob_member(operation))

    def _authenticate(self) -> bool:
        """Whether moto's IAM is enforced for this request; it is signed with a key that IAM knows then."""
        if not is_enforced():
            return False
        try:
            self._authenticate_and_authorize_action(SignedRequest)
        except SignatureDoesNotMatchError:
            raise InvalidSignatureException from None
        except HTTPException:
            # An access key that is unknown or not active. moto has names of XML for it.
            raise UnrecognizedClientException from None
        except (KeyError, IndexError, AttributeError):
            # moto takes it for granted that a request is signed.
            if "Authorization" not in self.headers:
                raise MissingAuthenticationTokenException from None
            if not self._has_whole_signature():
                raise IncompleteSignatureException from None
            raise
        return True

    def _has_whole_signature(self) -> bool:
        match = _SIGNATURE.fullmatch(self.headers["Authorization"])
        return (
            match is not None
            and {"host", "x-amz-date"} <= set(match["signed"].split(";"))
            and "X-Amz-Date" in self.headers
        )

    def _resources(self, operation: str, parameters: dict[str, Any]) -> Sequence[str]:
        """What the request is about, as IAM's policies name it.

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

    def _call(self, operation: str, parameters: dict[str, Any], caller: Caller) -> dict[str, Any]:
        backend = self.backend
        with calling(caller):
            if caller.is_enforced:
                with backend.store.database.read() as transaction:
                    for resource in self._resources(operation, parameters):
                        backend.authorize(transaction, resource)
            return render(operation, perform(backend, operation, parameters))

    @property
    def backend(self) -> ECRBackend:
        from .models.backends import registry_backend

        try:
            return registry_backend(self.current_account, self.region)
        except KeyError:
            raise InvalidSignatureException(
                "Credential should be scoped to a valid region."
            ) from None

    def _caller(self, operation: str, is_enforced: bool) -> Caller:
        host = self.headers.get("Host") or self.parsed_url.netloc
        return Caller(
            action=f"ecr:{_action(operation)}",
            principal=principal_of(
                self.current_account, self.region, self.access_key, self.headers
            ),
            scheme=self.parsed_url.scheme,
            address=None if hosts.is_aws_host(host) else host,
            is_enforced=is_enforced,
        )

    def _render_error(self, error: ECRError) -> Answer:
        headers = self._response_headers()
        project_code = PROJECT_CODES.get(type(error))
        if project_code and settings.ERROR_CODES.get() == "project":
            headers["x-amzn-query-error"] = f"{project_code};Sender"
        body = {"__type": error.code, "message": error.message, **error.members()}
        return error.status, headers, json.dumps(body)

    def _response_headers(self) -> dict[str, str]:
        return {
            "Content-Type": _CONTENT_TYPE,
            "x-amzn-RequestId": str(uuid.uuid4()),
        }


def _action(operation: str) -> str:
    """The IAM action that allows an operation.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListImageReferrers.html: it has none of its own.
    """
    return "BatchGetImage" if operation == "ListImageReferrers" else operation


def _take_body(request: Any) -> bytes:
    """The whole body, taken out of the request. Raises RequestTooLargeException.

    A werkzeug request and its environment refer to each other, so that a body left there stays in
    memory until the garbage collector comes: 13 MiB for each part of a layer.
    """
    if isinstance(request, AWSPreparedRequest):  # moto up to 5.2.2, in the process
        body: Any = request.body
        if hasattr(body, "read"):
            body = body.read()
        return _within_limit(body.encode() if isinstance(body, str) else bytes(body or b""))
    stream = request.environ["wsgi.input"]
    if isinstance(stream, io.BytesIO) and stream.tell() == 0:
        body = stream.getvalue()  # In the process: the bytes that were given, without a copy.
    else:
        request.max_content_length = MAX_BODY
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            raise RequestTooLargeException(MAX_BODY) from None
    request.environ["wsgi.input"] = io.BytesIO()
    request.environ.pop("werkzeug.request", None)
    return _within_limit(body)


def _unzipped(body: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            return _within_limit(file.read(MAX_BODY + 1))
    except (OSError, EOFError, zlib.error):
        raise SerializationException("The body is not valid gzip") from None


def _within_limit(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise RequestTooLargeException(MAX_BODY)
    return body
