"""The checks of requests against the service model: accepted values, and the messages of refusals.

Messages are those that ECR was seen to give, and the same form where none was seen.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from typing import Any

import pytest
from botocore.model import ServiceModel
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions import ECRError, InvalidParameterException
from moto_ecr_ext.exceptions.common import SerializationException, UnknownOperationException
from moto_ecr_ext.json_api.validation import Check, check, compile_check
from support.constants import ABSENT_DIGEST
from support.hanging import not_hanging
from support.model_variants import baseline, variants

NAME = {"repositoryName": "team/app"}
UUID_PATTERN = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"


def check_of(**shapes: Any) -> Check:
    """The check of an operation whose input is the shape `Input` of these."""
    model = {
        "metadata": {"protocol": "json", "serviceId": "Test"},
        "operations": {"Test": {"name": "Test", "input": {"shape": "Input"}}},
        "shapes": shapes,
    }
    return compile_check(ServiceModel(model, "test").operation_model("Test"))


def check_of_member(**shape: Any) -> Check:
    """The check of an operation with one member, `value`, of this shape."""
    members = {"value": {"shape": "Value"}}
    return check_of(Input={"type": "structure", "members": members}, Value=shape)


def repository_name_pattern() -> str:
    """The model's pattern as ECR prints it, with no escapes. An older botocore has another one."""
    operation = service_model.operation("PutImage")
    pattern: str = operation.input_shape.members["repositoryName"].metadata["pattern"]
    return pattern.replace(r"\/", "/")


def refusal(operation: str, parameters: object) -> str:
    """The message of the InvalidParameterException, without the part that all have in common."""
    with pytest.raises(InvalidParameterException) as raised:
        check(operation, parameters)
    return str(raised.value.message).removeprefix("Invalid parameter at ")


OPERATIONS = service_model.operation_names()
REPOSITORY_NAME_PATTERN = repository_name_pattern()

KINDS = {
    "required": "must not be null",
    "shortest": "must have length greater than or equal to ",
    "longest": "must have length less than or equal to ",
    "lowest": "must have value greater than or equal to ",
    "highest": "must have value less than or equal to ",
    "pattern": "must satisfy regular expression ",
    "enum": "must satisfy enum value set: ",
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_valid_request_with_every_member_passes(operation: str) -> None:
    """Valid parameters are returned completely, with blobs decoded."""
    request = baseline(operation)
    expected = dict(request)
    if "layerPartBlob" in expected:
        expected["layerPartBlob"] = base64.b64decode(expected["layerPartBlob"])
    assert check(operation, request) == expected


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_constraint_of_the_model_is_enforced(operation: str) -> None:
    """A request that breaks one constraint is refused for that one, at its field."""
    for name, request in variants(operation):
        field, kind = name.split(": ")
        message = refusal(operation, request)
        if (operation, name) == ("SetRepositoryPolicy", "policyText: required"):
            # ECR's own words, unlike those of all other members.
            assert message == "'PolicyText' failed to satisfy constraint: 'Cannot be null'"
            continue
        assert message.startswith(f"'{field}' failed to satisfy constraint: "), name
        assert KINDS[kind] in message, name


def test_the_generated_variants_are_those_of_the_model() -> None:
    """The generator of the test above finds what the reference lists for CreateRepository."""
    filters = "imageTagMutabilityExclusionFilters"
    assert [name for name, _ in variants("CreateRepository")] == [
        "registryId: pattern",
        "repositoryName: required",
        "repositoryName: shortest",
        "repositoryName: longest",
        "repositoryName: pattern",
        "tags.2.member.key: required",
        "tags.2.member.value: required",
        "imageTagMutability: enum",
        f"{filters}: shortest",
        f"{filters}: longest",
        f"{filters}.2.member.filterType: required",
        f"{filters}.2.member.filterType: enum",
        f"{filters}.2.member.filter: required",
        f"{filters}.2.member.filter: shortest",
        f"{filters}.2.member.filter: longest",
        f"{filters}.2.member.filter: pattern",
        "encryptionConfiguration.encryptionType: required",
        "encryptionConfiguration.encryptionType: enum",
        "encryptionConfiguration.kmsKey: shortest",
        "encryptionConfiguration.kmsKey: longest",
    ]


@pytest.mark.parametrize(
    ("operation", "parameters", "field", "constraint"),
    [
        pytest.param(
            "DescribeImages", {}, "repositoryName", "must not be null", id="repositoryName missing"
        ),
        pytest.param(
            "DescribeImages",
            {"repositoryName": None},
            "repositoryName",
            "must not be null",
            id="repositoryName null",
        ),
        pytest.param(
            "DescribeImages",
            {"repositoryName": "a"},
            "repositoryName",
            "must have length greater than or equal to 2",
            id="repositoryName short",
        ),
        pytest.param(
            "DescribeImages",
            {"repositoryName": "a" * 257},
            "repositoryName",
            "must have length less than or equal to 256",
            id="repositoryName long",
        ),
        pytest.param(
            "DescribeImages",
            {"repositoryName": "tesT"},
            "repositoryName",
            f"must satisfy regular expression '{REPOSITORY_NAME_PATTERN}'",
            id="repositoryName pattern",
        ),
        pytest.param(
            "DescribeRepositories",
            {"repositoryNames": ["team/app", "tesT"]},
            "repositoryNames",
            "Member must satisfy constraint: [Member must have length less than or equal to 256, "
            "Member must have length greater than or equal to 2, "
            f"Member must satisfy regular expression pattern: {REPOSITORY_NAME_PATTERN}]",
            id="repositoryNames pattern",
        ),
        pytest.param(
            "PutImage",
            {**NAME, "imageManifest": "{}", "imageTag": "a:b"},
            "imageTag",
            "must satisfy regular expression '[a-zA-Z0-9-_.]+'",
            id="imageTag pattern",
        ),
        pytest.param(
            "PutImage",
            {**NAME, "imageManifest": "{}", "imageTag": ""},
            "imageTag",
            "must have length greater than or equal to 1",
            id="imageTag empty",
        ),
        pytest.param(
            "PutImage",
            {**NAME, "imageManifest": "{}", "imageTag": ":" * 301},
            "imageTag",
            "must have length less than or equal to 300",
            id="imageTag long",
        ),
        pytest.param(
            "PutImageTagMutability",
            NAME,
            "imageTagMutability",
            "Member must not be null",
            id="other member missing",
        ),
        pytest.param(
            "SetRepositoryPolicy", NAME, "PolicyText", "Cannot be null", id="policyText missing"
        ),
        pytest.param(
            "PutImageTagMutability",
            {**NAME, "imageTagMutability": "invalid"},
            "imageTagMutability",
            "Member must satisfy enum value set: "
            "[IMMUTABLE, MUTABLE, MUTABLE_WITH_EXCLUSION, IMMUTABLE_WITH_EXCLUSION]",
            id="enum in ECR's order",
        ),
        pytest.param(
            "DescribeImages",
            {**NAME, "filter": {"tagStatus": "tagged"}},
            "filter.tagStatus",
            "Member must satisfy enum value set: [TAGGED, UNTAGGED, ANY]",
            id="enum in the model's order, nested",
        ),
        pytest.param(
            "CreateRepositoryCreationTemplate",
            {"prefix": "team", "appliedFor": ["REPLICATION", "PUSH"]},
            "appliedFor",
            "Member must satisfy constraint: [Member must satisfy enum value set: "
            "[REPLICATION, PULL_THROUGH_CACHE, CREATE_ON_PUSH]]",
            id="list of enums",
        ),
        pytest.param(
            "BatchGetImage",
            {**NAME, "imageIds": [{"imageTag": "v1"}] * 101},
            "imageIds",
            "Member must have length less than or equal to 100",
            id="list long",
        ),
        pytest.param(
            "BatchGetImage",
            {**NAME, "imageIds": []},
            "imageIds",
            "Member must have length greater than or equal to 1",
            id="list short",
        ),
        pytest.param(
            "ListImages",
            {**NAME, "maxResults": 1001},
            "maxResults",
            "Member must have value less than or equal to 1000",
            id="number high",
        ),
        pytest.param(
            "ListImages",
            {**NAME, "maxResults": 0},
            "maxResults",
            "Member must have value greater than or equal to 1",
            id="number low",
        ),
        pytest.param(
            "GetAuthorizationToken",
            {"registryIds": ["123456789012", "123"]},
            "registryIds",
            "Member must satisfy constraint: "
            "[Member must satisfy regular expression pattern: [0-9]{12}]",
            id="list of patterns",
        ),
        pytest.param(
            "InitiateLayerUpload",
            {**NAME, "registryId": "123"},
            "registryId",
            "must satisfy regular expression [0-9]{12}",
            id="registryId pattern",
        ),
        pytest.param(
            "CompleteLayerUpload",
            {**NAME, "uploadId": "does-not-exist", "layerDigests": [ABSENT_DIGEST]},
            "uploadId",
            f"Member must satisfy regular expression pattern: {UUID_PATTERN}",
            id="uploadId pattern",
        ),
        pytest.param(
            "TagResource",
            {"resourceArn": "arn", "tags": [{"Key": "k", "Value": "v"}, {"Value": "v"}]},
            "tags.2.member.key",
            "Member must not be null",
            id="tag without key",
        ),
        pytest.param(
            "TagResource",
            {"resourceArn": "arn", "tags": [{"Key": None, "Value": "v"}]},
            "tags.1.member.key",
            "Member must not be null",
            id="tag with null key",
        ),
        pytest.param(
            "TagResource",
            {"resourceArn": "arn", "tags": [{"Key": "k", "Value": "v"}, None]},
            "tags.2.member",
            "Member must not be null",
            id="null in a list of structures",
        ),
        pytest.param(
            "UntagResource",
            {"resourceArn": "arn", "tagKeys": ["k", None]},
            "tagKeys",
            "Member must not be null",
            id="null in a list of strings",
        ),
        pytest.param(
            "PutReplicationConfiguration",
            {
                "replicationConfiguration": {
                    "rules": [{"destinations": [{"region": "eu-west-1", "registryId": "1"}]}]
                }
            },
            "replicationConfiguration.rules.1.member.destinations.1.member.registryId",
            "must satisfy regular expression [0-9]{12}",
            id="lists within lists",
        ),
    ],
)
def test_messages(operation: str, parameters: object, field: str, constraint: str) -> None:
    """A refusal names the field and the constraint in ECR's words."""
    assert (
        refusal(operation, parameters) == f"'{field}' failed to satisfy constraint: '{constraint}'"
    )


@pytest.mark.parametrize(
    ("operation", "parameters", "field"),
    [
        pytest.param(
            "PutImage",
            {"repositoryName": "A", "registryId": "1", "imageTag": ""},
            "imageManifest",
            id="required before others",
        ),
        pytest.param(
            "PutImage", {"imageTag": ""}, "repositoryName", id="required in the model's order"
        ),
        pytest.param(
            "PutImage",
            {"imageTag": "", "imageManifest": "", "repositoryName": "A", "registryId": "1"},
            "registryId",
            id="members in the model's order",
        ),
        pytest.param(
            "PutSigningConfiguration",
            {"signingConfiguration": {"rules": [{"signingProfileArn": "x"}, {}]}},
            "signingConfiguration.rules.1.member.signingProfileArn",
            id="elements in their order",
        ),
    ],
)
def test_the_first_failure_is_the_one_reported(
    operation: str, parameters: object, field: str
) -> None:
    """Of several failures, the message is about the first by ECR's order of checks."""
    assert refusal(operation, parameters).startswith(f"'{field}' ")


@pytest.mark.parametrize("tag", ["v1", "A-b_c.9", "x" * 300])
def test_put_image_takes_tags_of_ecr_s_alphabet(tag: str) -> None:
    """A tag of letters, digits, `-`, `_` and `.` passes."""
    request = {**NAME, "imageManifest": "{}", "imageTag": tag}
    assert check("PutImage", request) == request


@pytest.mark.parametrize(
    "operation", ["BatchGetImage", "BatchDeleteImage", "DescribeImages", "StartImageScan"]
)
def test_tags_that_identify_images_are_left_to_the_operation(operation: str) -> None:
    """A malformed tag is one image's failure there, so the check lets it through."""
    image_id = {"imageTag": "not:a/tag"}
    request = baseline(operation)
    request.update({"imageIds": [image_id]} if "imageIds" in request else {"imageId": image_id})
    assert check(operation, request) == request


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        pytest.param(
            "DescribeImages", {**NAME, "nextToken": None}, NAME, id="null member is absent"
        ),
        pytest.param(
            "DescribeImages",
            {**NAME, "imageIds": [{"imageTag": "v1", "imageDigest": None}]},
            {**NAME, "imageIds": [{"imageTag": "v1"}]},
            id="nested null is absent",
        ),
        pytest.param(
            "DescribeImages", {**NAME, "colour": "red"}, NAME, id="unknown member is dropped"
        ),
        pytest.param(
            "DescribeImages",
            {**NAME, "filter": {"tagStatus": "ANY", "colour": []}},
            {**NAME, "filter": {"tagStatus": "ANY"}},
            id="nested unknown member is dropped",
        ),
        pytest.param("DescribeRegistry", {"colour": "red"}, {}, id="operation without members"),
        pytest.param(
            "ListImages",
            {**NAME, "maxResults": 10.0},
            {**NAME, "maxResults": 10},
            id="whole number written as a fraction",
        ),
        pytest.param(
            "TagResource",
            {"resourceArn": "", "tags": []},
            {"resourceArn": "", "tags": []},
            id="empty values without a constraint",
        ),
        pytest.param(
            "PutImage",
            {**NAME, "imageManifest": '{"é": "🐳"}'},
            {**NAME, "imageManifest": '{"é": "🐳"}'},
            id="text outside ASCII",
        ),
    ],
)
def test_what_is_let_through(operation: str, parameters: object, expected: object) -> None:
    """Nulls and unknown members are omitted; all other values stay."""
    assert check(operation, parameters) == expected


def test_a_whole_number_is_an_int() -> None:
    """`10.0` reaches the operation as the integer it stands for."""
    assert type(check("ListImages", {**NAME, "maxResults": 10.0})["maxResults"]) is int


def test_the_request_itself_is_not_changed() -> None:
    """The check builds new structures, and leaves the parsed body unchanged."""
    body = {**NAME, "nextToken": None, "imageIds": [{"imageTag": "v1", "x": 1}]}
    before = json.dumps(body)
    check("DescribeImages", body)
    assert json.dumps(body) == before


@pytest.mark.parametrize(
    ("operation", "parameters", "message"),
    [
        pytest.param(
            "ListImages",
            {"repositoryName": 5},
            "NUMBER_VALUE can not be converted to String",
            id="number for a string",
        ),
        pytest.param(
            "ListImages",
            {"repositoryName": True},
            "TRUE_VALUE can not be converted to String",
            id="true for a string",
        ),
        pytest.param(
            "ListImages",
            {"repositoryName": False},
            "FALSE_VALUE can not be converted to String",
            id="false for a string",
        ),
        pytest.param(
            "ListImages",
            {"repositoryName": ["team/app"]},
            "Start of list found where not expected",
            id="list for a string",
        ),
        pytest.param(
            "ListImages",
            {"repositoryName": {}},
            "Start of structure or map found where not expected.",
            id="object for a string",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": "10"},
            "STRING_VALUE can not be converted to Integer",
            id="string for an integer",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": True},
            "TRUE_VALUE can not be converted to Integer",
            id="true for an integer",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": 1.5},
            "NUMBER_VALUE can not be converted to Integer",
            id="fraction for an integer",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": float("nan")},
            "NUMBER_VALUE can not be converted to Integer",
            id="NaN for an integer",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": float("-inf")},
            "NUMBER_VALUE can not be converted to Integer",
            id="infinity for an integer",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": 2**31},
            "NUMBER_VALUE can not be converted to Integer",
            id="integer of more than 32 bits",
        ),
        pytest.param(
            "ListImages",
            {"maxResults": -(2**31) - 1},
            "NUMBER_VALUE can not be converted to Integer",
            id="negative integer of more than 32 bits",
        ),
        pytest.param(
            "UploadLayerPart",
            {"partFirstByte": 2**63},
            "NUMBER_VALUE can not be converted to Long",
            id="long of more than 64 bits",
        ),
        pytest.param(
            "UploadLayerPart",
            {"partFirstByte": 1e300},
            "NUMBER_VALUE can not be converted to Long",
            id="fraction of more than 64 bits",
        ),
        pytest.param(
            "DeleteRepository",
            {"force": "true"},
            "STRING_VALUE can not be converted to Boolean",
            id="string for a boolean",
        ),
        pytest.param(
            "DeleteRepository",
            {"force": 1},
            "NUMBER_VALUE can not be converted to Boolean",
            id="number for a boolean",
        ),
        pytest.param(
            "BatchGetImage",
            {"imageIds": "v1"},
            "Expected list or null",
            id="string for a list",
        ),
        pytest.param(
            "BatchGetImage",
            {"imageIds": {"imageTag": "v1"}},
            "Start of structure or map found where not expected.",
            id="object for a list",
        ),
        pytest.param(
            "BatchGetImage",
            {"imageIds": ["v1"]},
            "Expected null",
            id="string for a structure",
        ),
        pytest.param(
            "BatchGetImage",
            {"imageIds": [[]]},
            "Start of list found where not expected",
            id="list for a structure",
        ),
        pytest.param(
            "UploadLayerPart",
            {"layerPartBlob": 5},
            "NUMBER_VALUE can not be converted to Blob",
            id="number for a blob",
        ),
        pytest.param(
            "ListImages",
            {"repositoryName": "\ud800"},
            "Unpaired surrogate in a string",
            id="half a surrogate pair",
        ),
        pytest.param("ListImages", [], "Start of list found where not expected", id="body a list"),
        pytest.param("ListImages", "team/app", "Expected null", id="body a string"),
        pytest.param("ListImages", 5, "Expected null", id="body a number"),
        pytest.param("ListImages", None, "Expected null", id="body null"),
    ],
)
def test_wrong_json_types(operation: str, parameters: object, message: str) -> None:
    """A JSON value of the wrong type is a SerializationException in AWS's words."""
    with pytest.raises(SerializationException) as raised:
        check(operation, parameters)
    assert raised.value.message == message


def test_a_request_that_cannot_be_read_is_not_judged() -> None:
    """A wrong type is reported although a member before it breaks a constraint."""
    with pytest.raises(SerializationException):
        check("ListImages", {"repositoryName": "A", "maxResults": "10"})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("YQ", id="padding missing"),
        pytest.param("YQ==YQ==", id="more after the padding"),
        pytest.param("Y!Q=", id="not in the alphabet"),
        pytest.param("YW\nJj", id="line break"),
        pytest.param("é===", id="not ASCII"),
        pytest.param("\ud800===", id="half a surrogate pair"),
    ],
)
def test_invalid_base64(text: str) -> None:
    """A blob that is not base64 is a SerializationException."""
    with pytest.raises(SerializationException) as raised:
        check("UploadLayerPart", {**baseline("UploadLayerPart"), "layerPartBlob": text})
    assert raised.value.message == "STRING_VALUE can not be converted to Blob"


@pytest.mark.parametrize(
    ("blob", "content"),
    [
        pytest.param("AP9i", b"\x00\xffb", id="base64"),
        pytest.param("", b"", id="empty"),
        pytest.param(b"YQ==", b"YQ==", id="decoded already"),
    ],
)
def test_blobs_are_bytes(blob: str | bytes, content: bytes) -> None:
    """base64 is decoded, and bytes stay bytes."""
    request = {**baseline("UploadLayerPart"), "layerPartBlob": blob}
    assert check("UploadLayerPart", request)["layerPartBlob"] == content


def test_the_length_of_a_blob_is_that_of_its_bytes() -> None:
    """20 MiB pass, though their base64 is longer; one more byte does not."""
    limit = 20 * 1024 * 1024
    request = {**baseline("UploadLayerPart"), "layerPartBlob": bytes(limit)}
    check("UploadLayerPart", request)
    request["layerPartBlob"] = bytes(limit + 1)
    assert refusal("UploadLayerPart", request).startswith("'layerPartBlob' ")


def test_the_length_of_a_string_is_that_of_its_characters() -> None:
    """A description of 256 characters passes whatever their encoded length."""
    request = {**baseline("CreateRepositoryCreationTemplate"), "description": "é" * 256}
    check("CreateRepositoryCreationTemplate", request)
    request["description"] += "é"
    assert "length less than or equal to 256" in refusal(
        "CreateRepositoryCreationTemplate", request
    )


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        pytest.param("123456789012", True, id="ASCII digits"),
        pytest.param("١٢٣٤٥٦٧٨٩٠١٢", False, id="other digits"),
        pytest.param("123456789012\n", False, id="line break at the end"),
        pytest.param("1234567890123", False, id="only a part matches"),
    ],
)
def test_patterns_match_the_whole_text_as_java_does(value: str, valid: bool) -> None:
    """`matches` in Java means all of the text, and character classes mean ASCII."""
    if valid:
        check("ListImages", {**NAME, "registryId": value})
    else:
        assert "expression" in refusal("ListImages", {**NAME, "registryId": value})


def test_word_characters_are_ascii() -> None:
    """`\\w` of a role's ARN does not take letters outside ASCII."""
    arn = "arn:aws:iam::123456789012:role/é"
    assert "pattern" in refusal("RegisterPullTimeUpdateExclusion", {"principalArn": arn})


def test_an_operation_without_input_takes_anything() -> None:
    """An operation without input accepts anything, since it reads nothing."""
    model = {"metadata": {}, "operations": {"Test": {"name": "Test"}}, "shapes": {}}
    checked = compile_check(ServiceModel(model, "test").operation_model("Test"))
    assert checked({"colour": "red"}) == {}


def test_unknown_operation() -> None:
    """An operation that this botocore does not know is AWS's UnknownOperationException."""
    with pytest.raises(UnknownOperationException):
        check("PutLayer", {})


def nested_lists(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


def test_unknown_members_may_be_nested_without_limit() -> None:
    """Unknown members are dropped without being read."""
    assert check("ListImages", {**NAME, "x": nested_lists(100_000)}) == NAME


def test_known_members_are_walked_no_deeper_than_the_model() -> None:
    """A list in place of a structure is refused at once, however deep it is."""
    with pytest.raises(SerializationException):
        check("BatchGetImage", {**NAME, "imageIds": nested_lists(100_000)})


def test_a_shape_that_contains_itself_is_walked() -> None:
    """The field of a failure shows how deep it was found."""
    checked = check_of(
        Input={"type": "structure", "members": {"node": {"shape": "Node"}}},
        Node={
            "type": "structure",
            "members": {"nodes": {"shape": "Nodes"}, "name": {"shape": "Name"}},
            "required": ["name"],
        },
        Nodes={"type": "list", "member": {"shape": "Node"}},
        Name={"type": "string"},
    )
    request = {"node": {"name": "a", "nodes": [{"name": "b", "nodes": [{"name": "c"}]}]}}
    assert checked(request) == request
    with pytest.raises(InvalidParameterException, match=r"at 'node\.nodes\.1\.member\.name'"):
        checked({"node": {"name": "a", "nodes": [{}]}})


def test_a_shape_that_contains_itself_cannot_exhaust_the_stack() -> None:
    """A request nested deeper than Python can walk is a SerializationException."""
    checked = check_of(
        Input={"type": "structure", "members": {"input": {"shape": "Input"}}},
    )
    request: dict[str, Any] = {}
    for _ in range(100_000):
        request = {"input": request}
    with pytest.raises(SerializationException):
        checked(request)


class TestMaps:
    """No operation of ECR has a map today; one of a newer botocore may."""

    @pytest.fixture
    def checked(self) -> Check:
        return check_of(
            Input={"type": "structure", "members": {"labels": {"shape": "Labels"}}},
            Labels={
                "type": "map",
                "key": {"shape": "Label"},
                "value": {"shape": "Text"},
                "min": 1,
                "max": 2,
            },
            Label={"type": "string", "pattern": "[a-z]+"},
            Text={"type": "string", "max": 3},
        )

    def test_valid(self, checked: Check) -> None:
        """Keys and values that the shapes allow pass; a null value is absent."""
        assert checked({"labels": {"a": "b", "c": None}}) == {"labels": {"a": "b"}}

    @pytest.mark.parametrize(
        ("labels", "constraint"),
        [
            ({}, "Member must have length greater than or equal to 1"),
            (dict.fromkeys("abc", ""), "Member must have length less than or equal to 2"),
            (
                {"A": "b"},
                "Map keys must satisfy constraint: "
                "[Member must satisfy regular expression pattern: [a-z]+]",
            ),
            (
                {"a": "long"},
                "Map value must satisfy constraint: "
                "[Member must have length less than or equal to 3]",
            ),
        ],
        ids=["small", "large", "key", "value"],
    )
    def test_constraints(self, checked: Check, labels: dict[str, str], constraint: str) -> None:
        """The size, the keys and the values are checked, and the field is the map's."""
        with pytest.raises(InvalidParameterException) as raised:
            checked({"labels": labels})
        assert raised.value.message == InvalidParameterException.at("labels", constraint).message

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ("a", "Expected map or null"),
            ([], "Start of list found where not expected"),
            ({"a": 1}, "NUMBER_VALUE can not be converted to String"),
            ({"\ud800": "b"}, "Unpaired surrogate in a string"),
        ],
        ids=["string", "list", "type of a value", "half a surrogate pair"],
    )
    def test_wrong_types(self, checked: Check, labels: object, message: str) -> None:
        """Values of wrong types in a map are refused: it is a JSON object of the shapes' keys and values."""
        with pytest.raises(SerializationException) as raised:
            checked({"labels": labels})
        assert raised.value.message == message

    def test_structures_as_values(self) -> None:
        """The field of a failure inside a value names the key."""
        checked = check_of(
            Input={"type": "structure", "members": {"rules": {"shape": "Rules"}}},
            Rules={"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Rule"}},
            Rule={
                "type": "structure",
                "members": {"filter": {"shape": "Text"}},
                "required": ["filter"],
            },
            Text={"type": "string"},
        )
        with pytest.raises(InvalidParameterException, match=r"at 'rules\.a\.member\.filter'"):
            checked({"rules": {"a": {}}})


@pytest.mark.parametrize("kind", ["float", "double"])
def test_fractions(kind: str) -> None:
    """Numbers of either form are accepted within their range; other values are refused."""
    checked = check_of_member(type=kind, min=0, max=10)
    assert checked({"value": 2.5}) == {"value": 2.5}
    assert checked({"value": 2}) == {"value": 2.0}
    with pytest.raises(InvalidParameterException, match="value less than or equal to 10"):
        checked({"value": 10.5})
    wrong: object
    for wrong in (float("nan"), float("inf"), 10**400, True, "2.5"):
        with pytest.raises(SerializationException, match=f"converted to {kind.capitalize()}"):
            checked({"value": wrong})


def test_timestamps_are_epoch_seconds() -> None:
    """A timestamp is a JSON number unless its shape says otherwise."""
    checked = check_of_member(type="timestamp")
    assert checked({"value": 1_700_000_000}) == {"value": 1_700_000_000}
    wrong: object
    for wrong in ("2026-11-24T00:00:00Z", float("nan"), True, []):
        with pytest.raises(SerializationException):
            checked({"value": wrong})


def test_timestamps_in_words() -> None:
    """A timestamp whose shape asks for text becomes epoch seconds."""
    checked = check_of_member(type="timestamp", timestampFormat="iso8601")
    assert checked({"value": "2023-11-14T22:13:20.250Z"}) == {"value": 1_700_000_000.25}
    wrong: object
    for wrong in ("yesterday", "", "1e400", "2023-11-14T22:13:20", 1_700_000_000):
        with pytest.raises(SerializationException):
            checked({"value": wrong})


def patterned_shapes() -> dict[str, dict[str, Any]]:
    """The shapes of ECR's model that have a pattern, by name."""
    operation = service_model.operation("PutImage")
    assert operation is not None
    model = operation.service_model
    shapes = {name: model.shape_for(name) for name in model.shape_names}
    return {
        name: {"type": "string", **shape.metadata}
        for name, shape in shapes.items()
        if "pattern" in shape.metadata
    }


@pytest.mark.parametrize("name", patterned_shapes())
@pytest.mark.parametrize("piece", ["a", "0", "*", "a/", "a-", "a.b_", "--", "arn:aws-a"])
def test_no_text_takes_long_to_match(name: str, piece: str) -> None:
    """Text that matches except at its end is refused in time that grows little with its length."""
    shape = patterned_shapes()[name]
    checked = check_of_member(**shape)
    # Exponential time shows at 32 characters and still ends; only then is the longest text tried.
    for length in (32, min(shape.get("max", 2000), 2000)):
        text = (piece * length)[: length - 1] + " "
        with not_hanging(), pytest.raises(InvalidParameterException):
            checked({"value": text})


@settings(deadline=None)
@given(st.text(alphabet="a0*._-/!", max_size=12))
def test_the_linear_pattern_is_the_model_s(text: str) -> None:
    """The pattern that replaces the model's for speed takes the same scanning filters."""
    model = patterned_shapes()["ScanningRepositoryFilterValue"]["pattern"]
    checked = check_of_member(type="string", pattern=model)
    if re.fullmatch(model, text):
        assert checked({"value": text}) == {"value": text}
    else:
        with pytest.raises(InvalidParameterException):
            checked({"value": text})


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.text(st.characters(categories=["Cs"]), max_size=2),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3)
    ),
    max_leaves=10,
)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_json_is_let_through_or_refused(data: st.DataObject) -> None:
    """Any JSON in the place of a member is accepted or refused with an AWS error."""
    operation = data.draw(st.sampled_from(OPERATIONS))
    request = baseline(operation)
    for name in data.draw(st.lists(st.sampled_from(sorted(request)))) if request else ():
        request[name] = data.draw(JSON_VALUES)
    try:
        checked = check(operation, request)
    except ECRError as error:
        str(error).encode()
    else:
        # What was let through is valid by itself.
        assert check(operation, checked) == checked


def test_importing_reads_no_model() -> None:
    """Importing the package reads no model, which is read at its first use."""
    program = """
from botocore.loaders import Loader

load = Loader.load_data

def load_data(self, name):
    if name != "partitions":  # It is no model, and small.
        raise LookupError(name)
    return load(self, name)

Loader.load_data = load_data
from moto_ecr_ext import service_model
from moto_ecr_ext.json_api import rendering, validation
try:
    service_model.operation("PutImage")
except LookupError as error:
    print("asked for", error)
"""
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.startswith("asked for ecr")


def test_operation_names_are_the_model_s() -> None:
    """Every name leads to its operation."""
    assert {"PutImage", "DescribeImages", "GetAuthorizationToken"} <= set(OPERATIONS)
    for name in OPERATIONS:
        operation = service_model.operation(name)
        assert operation is not None
        assert operation.name == name


def test_an_unknown_name_has_no_operation() -> None:
    """An operation that botocore does not know has the result None."""
    assert service_model.operation("PutLayer") is None


@pytest.mark.parametrize(
    ("operation", "method"),
    [
        ("PutImage", "put_image"),
        ("GetDownloadUrlForLayer", "get_download_url_for_layer"),
        ("DescribeRepositoryCreationTemplates", "describe_repository_creation_templates"),
    ],
)
def test_method_names(operation: str, method: str) -> None:
    """A method is called as the operation is, in snake case."""
    assert service_model.method_name(operation) == method
