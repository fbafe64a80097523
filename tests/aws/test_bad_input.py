"""Requests that no SDK would send: an AWS-shaped refusal, nothing changed, no stack trace."""

from __future__ import annotations

import gzip
import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from moto.moto_server import utilities as moto_server
from moto.moto_server import werkzeug_app

from moto_ecr_ext.json_api import bodies
from support.populated import populate
from support.raw_http import TARGET, RawClient
from support.refusals import Refusal
from support.stored import everything_stored

UNKNOWN = Refusal(
    "UnknownOperationException", "The requested operation is not recognized by the service."
)
NOT_JSON = Refusal("SerializationException", "The body is not valid JSON")
NOT_GZIP = Refusal("SerializationException", "The body is not valid gzip")


@pytest.fixture(autouse=True)
def nothing_changes(aws: Any, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No request of these tests changes a registry that has something of everything."""
    populate()
    before = everything_stored()
    caplog.clear()
    yield
    assert everything_stored() == before
    assert "Traceback" not in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="truncated"),
        pytest.param(b'{"repositoryName": "team/app"', id="truncated after a member"),
        pytest.param(b'{"repositoryName": "team', id="truncated in a string"),
        pytest.param(b"repositoryName=team/app", id="a form"),
        pytest.param(b"<repositoryName/>", id="XML"),
        pytest.param(b"{'repositoryName': 'team/app'}", id="single quotes"),
        pytest.param(b'{"repositoryName": "team/app"} x', id="more behind it"),
        pytest.param(b"\x00", id="NUL"),
        pytest.param(b"\xff\xfe\xfd", id="no text"),
        pytest.param(b'{"repositoryName": "\xff"}', id="no UTF-8"),
        pytest.param(b"[" * 200_000, id="deep lists"),
        pytest.param(b'{"a":' * 200_000, id="deep objects"),
        pytest.param(b"1" * 10_000, id="a number of 10,000 digits"),
        pytest.param(gzip.compress(b"{}"), id="gzip that is not called so"),
    ],
)
@pytest.mark.parametrize("operation", ["DeleteRepository", "DescribeRegistry"])
def test_a_body_that_is_not_json(raw: RawClient, operation: str, body: bytes) -> None:
    """Every operation refuses the body, also an operation without parameters."""
    answer = raw.send(operation, body)
    assert (answer.status, answer.refusal) == (400, NOT_JSON)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[]", "Start of list found where not expected"),
        ('"text"', "Expected null"),
        ("5", "Expected null"),
        ("true", "Expected null"),
        ("null", "Expected null"),
        ("NaN", "Expected null"),
        ('{"repositoryName": 5}', "NUMBER_VALUE can not be converted to String"),
        ('{"repositoryName": true}', "TRUE_VALUE can not be converted to String"),
        ('{"repositoryName": {}}', "Start of structure or map found where not expected."),
        ('{"repositoryName": ["team/app"]}', "Start of list found where not expected"),
        ('{"repositoryName": "\\ud800"}', "Unpaired surrogate in a string"),
        (
            '{"repositoryName": "team/app", "force": "yes"}',
            "STRING_VALUE can not be converted to Boolean",
        ),
        (
            '{"repositoryName": "team/app", "force": 1}',
            "NUMBER_VALUE can not be converted to Boolean",
        ),
    ],
)
def test_a_body_of_wrong_types(raw: RawClient, body: str, message: str) -> None:
    """It is refused in the words of AWS's front ends."""
    answer = raw.send("DeleteRepository", body)
    assert (answer.status, answer.refusal) == (
        400,
        Refusal("SerializationException", message),
    )


def test_members_that_are_null_are_absent(raw: RawClient) -> None:
    """A null member counts as absent; unknown members are ignored, however deep."""
    deep: list[Any] = []
    for _ in range(500):
        deep = [deep]
    answer = raw.send("DescribeRepositories", {"maxResults": None, "other": deep})
    assert answer.status == 200
    answer = raw.send("DeleteRepository", {"repositoryName": None, "force": True})
    assert answer.refusal == Refusal(
        "InvalidParameterException",
        "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must not be null'",
    )


@pytest.mark.parametrize("body", [b"", b"   \n"])
def test_an_empty_body_is_an_empty_request(raw: RawClient, body: bytes) -> None:
    """An empty body is accepted by an operation that needs no parameters."""
    assert raw.send("DescribeRegistry", body).status == 200
    assert raw.send("ListImages", body).refusal.code == "InvalidParameterException"


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(None, id="none"),
        pytest.param("", id="empty"),
        pytest.param("DescribeRegistry", id="no service"),
        pytest.param(f"{TARGET}.", id="no operation"),
        pytest.param(f"{TARGET}.NoSuchOperation", id="unknown operation"),
        pytest.param(f"{TARGET}.describe_registry", id="method"),
        pytest.param(f"{TARGET}.__init__", id="attribute"),
        pytest.param(f"{TARGET}.reset", id="method that is no operation"),
        pytest.param(f"{TARGET}.DescribeRegistry.", id="more behind it"),
        pytest.param("AmazonEC2ContainerRegistry_V20150921", id="no dot"),
        pytest.param("SpencerFrontendService.DescribeRegistries", id="ECR Public"),
        pytest.param(f"{TARGET}.D\xe9scribeRegistry", id="not ASCII"),
        pytest.param(f"{TARGET}.{'x' * 5000}", id="long"),
    ],
)
def test_an_unknown_target(raw: RawClient, target: str | None) -> None:
    """An unknown target is refused with UnknownOperationException, whatever the body."""
    headers: dict[str, Any] = {"X_Amz_Target": None} if target is None else {}
    for body in ("{}", "{"):
        answer = raw.send("", body, target=target, **headers)
        assert (answer.status, answer.refusal) == (400, UNKNOWN)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
def test_other_methods(raw: RawClient, method: str) -> None:
    """Other methods never cause an internal error."""
    answer = raw.send("DescribeRegistry", b"", method=method)
    assert answer.status < 500


@pytest.fixture
def gzip_is_ours(aws: Any) -> None:
    if aws.name == "server" and not hasattr(werkzeug_app, "BackendRequest"):
        pytest.skip("moto's server before 5.2 unzips bodies itself")


@pytest.mark.usefixtures("gzip_is_ours")
def test_a_body_in_gzip(raw: RawClient) -> None:
    """A body in gzip is accepted, since some SDKs compress large ones."""
    body = gzip.compress(json.dumps({"repositoryName": "team/app"}).encode())
    answer = raw.send("ListImages", body, Content_Encoding="gzip")
    assert answer.status == 200
    assert len(answer.document["imageIds"]) == 2


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="not gzip"),
        pytest.param(gzip.compress(b"{}" * 100)[:-9], id="truncated"),
        pytest.param(gzip.compress(b"{}")[:-8] + b"\0" * 8, id="wrong checksum"),
        pytest.param(gzip.compress(b"{}") + b"x", id="more behind it"),
        pytest.param(gzip.compress(b"") * 1_000 + gzip.compress(b"{}"), id="many members"),
    ],
)
@pytest.mark.usefixtures("gzip_is_ours")
def test_a_body_that_is_not_gzip(aws: Any, raw: RawClient, body: bytes) -> None:
    """A body that is declared as gzip, but is not gzip, is refused."""
    if aws.name == "server" and hasattr(moto_server, "decompress_request_body"):
        pytest.skip("this moto's server unpacks bodies by itself, before anything else sees them")
    answer = raw.send("DescribeRegistry", body, Content_Encoding="gzip")
    assert (answer.status, answer.refusal) == (400, NOT_GZIP)


@pytest.mark.parametrize(
    ("operation", "limit"),
    [("DescribeRegistry", bodies.MAX_SMALL_BODY), ("PutImage", bodies.MAX_BODY)],
)
def test_a_body_that_unpacks_without_end(
    aws: Any, raw: RawClient, operation: str, limit: int
) -> None:
    """Decompression stops at the size that a request may have."""
    if aws.name == "server" and hasattr(moto_server, "decompress_request_body"):
        pytest.skip("this moto's server unpacks bodies by itself, before anything else sees them")
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
        for _ in range(limit // 2**20 + 1):
            file.write(bytes(2**20))
    answer = raw.send(operation, packed.getvalue(), Content_Encoding="gzip")
    assert answer.status == 413
    assert answer.refusal == Refusal(
        "RequestEntityTooLargeException", f"The request has more than {limit} bytes"
    )


def test_a_body_longer_than_any_request(raw: RawClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body is refused with 413."""
    monkeypatch.setattr(bodies, "MAX_BODY", 1000)
    answer = raw.send("DescribeRegistry", b" " * 998 + b"{}")
    assert answer.status == 200
    answer = raw.send("DescribeRegistry", b" " * 999 + b"{}")
    assert (answer.status, answer.refusal.code) == (413, "RequestEntityTooLargeException")


@pytest.mark.parametrize("region", ["nowhere-1", "eu-west-99", "x"])
def test_a_region_that_does_not_exist(raw: RawClient, region: str) -> None:
    """A signature for a Region that does not exist is refused."""
    answer = raw.send("DescribeRegistry", region=region)
    assert (answer.status, answer.refusal) == (
        400,
        Refusal("InvalidSignatureException", "Credential should be scoped to a valid region."),
    )


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/json"])
def test_the_content_type_is_not_looked_at(raw: RawClient, content_type: str | None) -> None:
    """The content type is ignored: the target says which format the body has."""
    answer = raw.send("ListImages", {"repositoryName": "team/app"}, Content_Type=content_type)
    assert answer.status == 200


@pytest.mark.parametrize(
    "account",
    ["", "12", "1234567890123", "12345678901x", "123456789012, 123456789012", "../../../etc"],
)
def test_an_account_has_twelve_digits(raw: RawClient, account: str) -> None:
    """Accounts of other than twelve digits are refused. moto accepts any text in its header; AWS has no such account,
    and no name or ARN could have it.

    https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
    """
    assert raw.send("DescribeRegistry", {}, x_moto_account_id=account).refusal == Refusal(
        "UnrecognizedClientException",
        f"'{account}' is not an account id, which has twelve digits.",
    )
