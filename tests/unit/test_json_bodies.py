"""Bodies of the JSON protocol, with and without a large blob in them."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
from typing import Any

import pytest

from moto_ecr_ext import service_model
from moto_ecr_ext.exceptions.common import RequestEntityTooLargeException, SerializationException
from moto_ecr_ext.json_api import bodies
from moto_ecr_ext.json_api.bodies import MAX_BODY, MAX_SMALL_BODY, parse_body, unzip_body
from moto_ecr_ext.json_api.validation import check
from moto_ecr_ext.service_model import large_member

PART = bytes(range(256)) * 1024
TEXT = base64.b64encode(PART).decode()
PARTS = large_member("UploadLayerPart")
MANIFESTS = large_member("PutImage")
UPLOAD = "00000000-0000-4000-8000-000000000000"


def parsed(body: bytes) -> Any:
    return check("UploadLayerPart", parse_body(body, PARTS))["layerPartBlob"]


def request(blob: str = TEXT, **members: Any) -> dict[str, Any]:
    return {
        "repositoryName": "team/app",
        "uploadId": UPLOAD,
        "partFirstByte": 0,
        "partLastByte": len(PART) - 1,
        "layerPartBlob": blob,
        **members,
    }


BODIES = {
    "as botocore writes it": json.dumps(request()),
    "without white space": json.dumps(request(), separators=(",", ":")),
    "indented": json.dumps(request(), indent=4),
    "blob first": json.dumps({"layerPartBlob": TEXT, **request()}),
    "slashes escaped": json.dumps(request()).replace("/", "\\/"),
    "name escaped": json.dumps(request()).replace('"layerPartBlob"', '"layerPart\\u0042lob"'),
    "name as a value before": json.dumps({"x": "layerPartBlob", **request()}),
    "name in a text before": json.dumps({"x": 'the "layerPartBlob": "', **request()}),
    "member of another object before": json.dumps({"x": {"layerPartBlob": "AAAA"}, **request()}),
    "member of another object behind": json.dumps({**request(), "x": {"layerPartBlob": "AAAA"}}),
    "given twice": json.dumps(request("AAAA"))[:-1] + f', "layerPartBlob": "{TEXT}"}}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_the_blob_is_found_however_the_body_is_written(body: str) -> None:
    """The value is that of a whole JSON parser, whatever surrounds the blob."""
    assert parsed(body.encode()) == PART


REFUSED = {
    "not base64": json.dumps(request(TEXT[:-4] + "!!!!")),
    "wrong padding": json.dumps(request(TEXT + "=")),
    "cut short": json.dumps(request())[:-10],
    "cut short in the blob": json.dumps(request())[: len(TEXT) // 2],
    "a number": json.dumps(request(), indent=1).replace(f'"{TEXT}"', "7") + " " * len(TEXT),
    "not JSON around it": json.dumps(request()).replace(":", "=", 1),
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_a_serialization_exception(body: str) -> None:
    """A body that a JSON parser or a base64 decoder refuses is refused."""
    with pytest.raises(SerializationException):
        parsed(body.encode())


def test_nothing_is_an_empty_object() -> None:
    """An empty body is an empty object: botocore sends `{}`, other clients no bytes, for a request without members."""
    assert parse_body(b"", None) == parse_body(b" \n", None) == {}


def test_large_members() -> None:
    """Two operations have a member of MiBs; a model with others, or another limit, fails this test."""
    found = {name: large_member(name) for name in service_model.operation_names()}
    assert {name: large for name, large in found.items() if large} == {
        "PutImage": ("imageManifest", False),
        "UploadLayerPart": ("layerPartBlob", True),
    }


LARGE_PART = bytes(range(256)) * 8192
LARGE_TEXT = base64.b64encode(LARGE_PART).decode()
LONG = '{"annotations": {"a": "' + '\u00e4\\"' * 500_000 + '"}}'

LARGE_BODIES = {
    "a part with slashes escaped": (json.dumps(request(LARGE_TEXT)).replace("/", "\\/"), PARTS),
    "a part in a body with more around it": (
        json.dumps({"x": "a" * 500_000, **request(LARGE_TEXT)}),
        PARTS,
    ),
    "a manifest": (json.dumps({"imageManifest": LONG, "imageTag": "v1"}), MANIFESTS),
    "a manifest in UTF-8": (json.dumps({"imageManifest": LONG}, ensure_ascii=False), MANIFESTS),
    "a manifest, indented": (json.dumps({"a": 1, "imageManifest": LONG}, indent=30), MANIFESTS),
    "a manifest that has its own name": (
        json.dumps({"imageManifest": '{"imageManifest": "x"}' + LONG}),
        MANIFESTS,
    ),
    "a manifest of the longest kind": (
        json.dumps({"imageManifest": "\u00e4" * 4_194_304, "imageTag": "v1"}),
        MANIFESTS,
    ),
}


@pytest.mark.parametrize("name", LARGE_BODIES)
def test_large_members_are_parsed_apart(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The value is that of a whole JSON parser, which never parses more than 1 MiB: it stops all other threads."""
    body, large = LARGE_BODIES[name]
    assert MAX_SMALL_BODY < len(body.encode()) <= MAX_BODY
    expected = json.loads(body)
    if large == PARTS:
        expected["layerPartBlob"] = base64.b64decode(expected["layerPartBlob"])
    monkeypatch.setattr(bodies, "json", OnlySmall)
    assert parse_body(body.encode(), large) == expected


class OnlySmall:
    """The module `json` for texts of 1 MiB."""

    dumps = staticmethod(json.dumps)

    @staticmethod
    def loads(text: str | bytes) -> Any:
        assert len(text) <= MAX_SMALL_BODY
        return json.loads(text)


LISTS = b"[" + b"[]," * (MAX_SMALL_BODY // 3) + b"[]]"
MUCH = {
    "lists": LISTS,
    "lists beside a member": b'{"x": '
    + LISTS
    + b', "imageManifest": "a", "layerPartBlob": "AAAA"}',
    "lists behind a member": b'{"imageManifest": "a", "layerPartBlob": "AAAA", "x": '
    + LISTS
    + b"}",
    "lists for a member": b'{"imageManifest": ' + LISTS + b', "layerPartBlob": ' + LISTS + b"}",
    "a text of another object": json.dumps(
        {"x": {"imageManifest": LONG, "layerPartBlob": LARGE_TEXT}}
    ).encode(),
    "a text twice": json.dumps({"imageManifest": LONG, "layerPartBlob": LARGE_TEXT}).encode()[:-1]
    + b', "imageManifest": "", "layerPartBlob": ""}',
    "another text": json.dumps({"imageTag": LONG}).encode(),
}


@pytest.mark.parametrize("name", MUCH)
@pytest.mark.parametrize("operation", ["PutImage", "UploadLayerPart", "DescribeRegistry"])
def test_no_operation_needs_as_much(
    name: str, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A body of more than 1 MiB beside its layer part or manifest is refused unparsed.

    28 MiB of empty lists took 900 MB, and stopped all other threads for four seconds
    (https://cwe.mitre.org/data/definitions/400.html).
    """
    monkeypatch.setattr(bodies, "json", OnlySmall)
    large = large_member(operation)
    with pytest.raises(RequestEntityTooLargeException):
        parse_body(MUCH[name], large)
    with pytest.raises(RequestEntityTooLargeException):
        parse_body(unzip_body(gzip.compress(MUCH[name]), large), large)


@pytest.mark.parametrize("operation", ["PutImage", "UploadLayerPart", "DescribeRegistry"])
def test_little_gzip_that_contains_much(operation: str) -> None:
    """A body is decompressed up to the size that its operation can need:
    https://cwe.mitre.org/data/definitions/409.html.
    """
    large = large_member(operation)
    limit = MAX_BODY if large else MAX_SMALL_BODY
    assert unzip_body(gzip.compress(bytes(limit), 1), large) == bytes(limit)
    with pytest.raises(RequestEntityTooLargeException, match=str(limit)):
        unzip_body(gzip.compress(bytes(limit + 1), 1), large)


def test_a_body_of_a_mebibyte() -> None:
    """A body without a large member has at most 1 MiB."""
    body = b'{"repositoryName": "' + b" " * (2**20 - 22) + b'"}'
    assert len(body) == 2**20
    assert len(parse_body(body, None)["repositoryName"]) == 2**20 - 22
    with pytest.raises(RequestEntityTooLargeException):
        parse_body(body + b" ", None)


def test_the_memory_for_a_blob() -> None:
    """A blob is decoded from its body, which is not copied."""
    body = json.dumps(request("A" * 2**23)).encode()
    tracemalloc.start()
    try:
        assert len(parse_body(body, PARTS)["layerPartBlob"]) == 2**23 * 3 // 4
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**23
