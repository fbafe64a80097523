"""The three errors whose `Error.Code` is this project's, and all others, in every view that there is of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

import moto_ecr_ext
from moto_ecr_ext import exceptions, service_model
from moto_ecr_ext.testing import build_image
from support.constants import ABSENT_DIGEST, ACCOUNT
from support.raw_http import Answer, RawClient
from support.refusals import refused

IMAGES = [build_image(seed=number, layers=1) for number in range(2)]
ECR_ERRORS = {
    "LayerDigestMismatchException": "InvalidLayerException",
    "InvalidContinuationTokenException": "InvalidParameterException",
    "ImageAlreadyExistsException": "ImageTagAlreadyExistsException",
}
MESSAGES = {
    "LayerDigestMismatchException": (
        "None of the provided layer digests match the calculated layer digest"
    ),
    "InvalidContinuationTokenException": (
        "Invalid parameter at 'nextToken' failed to satisfy constraint: "
        "'Invalid continuation token'"
    ),
    "ImageAlreadyExistsException": (
        "The image tag 'v1' already exists in the 'team/app' repository "
        "and cannot be overwritten because the tag is immutable."
    ),
}


def wrong_digest(ecr: Any) -> dict[str, Any]:
    """A request that completes an upload under another digest than its own."""
    upload = {
        "repositoryName": "team/app",
        "uploadId": ecr.initiate_layer_upload(repositoryName="team/app")["uploadId"],
    }
    ecr.upload_layer_part(**upload, partFirstByte=0, partLastByte=2, layerPartBlob=b"abc")
    return {**upload, "layerDigests": [ABSENT_DIGEST]}


def garbage_token(ecr: Any) -> dict[str, Any]:
    """A request with a token that ECR did not return."""
    return {"repositoryName": "team/app", "nextToken": "garbage"}


def immutable_tag(ecr: Any) -> dict[str, Any]:
    """A request that puts an image under an immutable tag of another."""
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    request = {"repositoryName": "team/app", "imageTag": "v1"}
    ecr.put_image(**request, imageManifest=IMAGES[0].manifest.decode())
    return {**request, "imageManifest": IMAGES[1].manifest.decode()}


CASES = [
    pytest.param("CompleteLayerUpload", wrong_digest, "LayerDigestMismatchException"),
    pytest.param("DescribeImages", garbage_token, "InvalidContinuationTokenException"),
    pytest.param("ListImages", garbage_token, "InvalidContinuationTokenException"),
    pytest.param("PutImage", immutable_tag, "ImageAlreadyExistsException"),
]
cases = pytest.mark.parametrize(("operation", "make_request", "code"), CASES)


def call(ecr: Any, operation: str, request: dict[str, Any]) -> ClientError:
    """The exception of an operation by its name in the API."""
    return refused(getattr(ecr, service_model.method_name(operation)), **request)


@cases
def test_both_codes_are_in_the_error(
    ecr: Any,
    repository_name: str,
    operation: str,
    make_request: Callable[[Any], dict[str, Any]],
    code: str,
) -> None:
    """The error has this project's code in `Error.Code`, and AWS's in `Error.QueryErrorCode`."""
    error = call(ecr, operation, make_request(ecr)).response["Error"]
    assert error == {
        "Code": code,
        "QueryErrorCode": ECR_ERRORS[code],
        "Message": MESSAGES[code],
        "Type": "Sender",
    }


@cases
def test_the_exception_is_aws_s(
    ecr: Any,
    repository_name: str,
    operation: str,
    make_request: Callable[[Any], dict[str, Any]],
    code: str,
) -> None:
    """`except client.exceptions.…` catches the error by the class of AWS's model."""
    method = getattr(ecr, service_model.method_name(operation))
    request = make_request(ecr)
    with pytest.raises(getattr(ecr.exceptions, ECR_ERRORS[code])) as raised:
        method(**request)
    assert raised.value.response["Error"]["Code"] == code
    assert not isinstance(raised.value, ecr.exceptions.RepositoryNotFoundException)


@cases
def test_the_body_is_aws_s(
    ecr: Any,
    raw: RawClient,
    repository_name: str,
    operation: str,
    make_request: Callable[[Any], dict[str, Any]],
    code: str,
) -> None:
    """The body has AWS's code in `__type`; a header has the project's code."""
    answer = raw.send(operation, make_request(ecr))
    assert answer.status == 400
    assert answer.document == {"__type": ECR_ERRORS[code], "message": MESSAGES[code]}
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"


@cases
def test_aws_s_codes_alone(
    aws: Any,
    ecr: Any,
    raw: RawClient,
    repository_name: str,
    operation: str,
    make_request: Callable[[Any], dict[str, Any]],
    code: str,
) -> None:
    """The setting `error_codes` removes the header, so that the exception has AWS's code."""
    aws.configure(error_codes="aws")
    request = make_request(ecr)
    error = call(ecr, operation, request)
    assert error.response["Error"] == {"Code": ECR_ERRORS[code], "Message": MESSAGES[code]}
    assert isinstance(error, getattr(ecr.exceptions, ECR_ERRORS[code]))
    assert "x-amzn-query-error" not in raw.send(operation, request).headers


@pytest.fixture
def installed() -> Iterator[None]:
    """The extension, with this project's codes, and no mock yet."""
    moto_ecr_ext.install(error_codes="project")
    yield
    moto_ecr_ext.install()


def test_the_setting_of_one_mock(installed: None) -> None:
    """`mock_aws(config=...)` applies to its block, and overrides the installed setting."""
    for config, code in (
        ({"ecr": {"error_codes": "aws"}}, "InvalidParameterException"),
        (None, "InvalidContinuationTokenException"),
    ):
        with mock_aws(config=config):
            ecr = boto3.client("ecr", region_name="us-east-1")
            ecr.create_repository(repositoryName="team/app")
            error = refused(ecr.list_images, repositoryName="team/app", nextToken="garbage")
        assert error.response["Error"]["Code"] == code


def test_the_setting_of_the_environment(
    aws: Any, ecr: Any, repository_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MOTO_ECR_ERROR_CODES applies if no other setting is given."""
    monkeypatch.setenv("MOTO_ECR_ERROR_CODES", "aws")
    error = refused(ecr.list_images, repositoryName=repository_name, nextToken="garbage")
    assert error.response["Error"]["Code"] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("ListImages", {"repositoryName": "not-here"}, "RepositoryNotFoundException"),
        ("DescribeRepositories", {"nextToken": "garbage"}, "InvalidParameterException"),
        ("DescribeImages", {}, "InvalidParameterException"),
    ],
)
def test_every_other_error_has_one_code(
    raw: RawClient, operation: str, request_: dict[str, Any], code: str
) -> None:
    """Every other error has AWS's code, and no header."""
    answer = raw.send(operation, request_)
    assert answer.refusal.code == code
    assert "x-amzn-query-error" not in answer.headers


def test_the_same_image_again_has_aws_s_own_code(
    ecr: Any, raw: RawClient, repository_name: str
) -> None:
    """ImageAlreadyExistsException is AWS's own code for an image that already exists."""
    manifest = IMAGES[0].manifest.decode()
    ecr.put_image(repositoryName=repository_name, imageManifest=manifest)
    answer: Answer = raw.send(
        "PutImage", {"repositoryName": repository_name, "imageManifest": manifest}
    )
    assert answer.refusal.code == "ImageAlreadyExistsException"
    assert "x-amzn-query-error" not in answer.headers


def test_an_error_with_members(ecr: Any, raw: RawClient, repository_name: str) -> None:
    """The body of the error has the members beside the message, as JSON's own types."""
    upload_id = ecr.initiate_layer_upload(repositoryName=repository_name)["uploadId"]
    answer = raw.send(
        "UploadLayerPart",
        {
            "repositoryName": repository_name,
            "uploadId": upload_id,
            "partFirstByte": 1,
            "partLastByte": 1,
            "layerPartBlob": "YQ==",
        },
    )
    assert answer.document == {
        "__type": "InvalidLayerPartException",
        "message": "First byte of the layer part is 1 instead of 0",
        "registryId": ACCOUNT,
        "repositoryName": repository_name,
        "uploadId": upload_id,
        "lastValidByteReceived": 0,
    }


# What AWS's services answer with beside the errors of a service's model.
COMMON = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "SerializationException",
    "UnknownOperationException",
    "UnrecognizedClientException",
}
# Of operations that only a newer botocore than this package knows.
OF_NEWER_BOTOCORE = {"NotImplementedException"}
# What only newer models have.
OF_NEWER_MODELS = {
    "UnableToListUpstreamImageReferrersException",
    "ReplicationBackfillInProgressException",
    "ReplicationBackfillInvalidStatusException",
    "ReplicationBackfillNotFoundException",
}
# What the registry protocol has alone.
NOT_OF_JSON = {"BlobInUse"}


def errors(base: type[exceptions.ECRError] = exceptions.ECRError) -> list[type[Any]]:
    """All classes of errors that have a code."""
    found = [each for child in base.__subclasses__() for each in (child, *errors(child))]
    return [each for each in found if each.code != exceptions.ECRError.code]


@pytest.mark.parametrize("error", errors(), ids=lambda error: error.__name__)
def test_every_error_is_one_of_the_model(error: type[exceptions.ECRError]) -> None:
    """Each code is in ECR's model, common to all services, a failure of one image, or of a newer botocore."""
    model = service_model.operation("PutImage")
    assert model is not None
    shapes = model.service_model.shape_names
    failures = model.service_model.shape_for("ImageFailureCode").enum
    if service_model.operation("StartReplicationBackfill") is None:
        shapes = [*shapes, *OF_NEWER_MODELS]
    assert error.code in COMMON | NOT_OF_JSON | OF_NEWER_BOTOCORE | {*shapes, *failures}


def test_the_project_s_codes_are_three() -> None:
    """Each of the project's codes replaces an error of AWS that its operation declares."""
    codes = {code: error.code for error, code in exceptions.PROJECT_CODES.items()}
    assert codes == ECR_ERRORS
    assert moto_ecr_ext.settings.ERROR_CODES.default == "project"
