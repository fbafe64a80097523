"""Bodies of the JSON protocol, with and without a large blob in them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from moto_ecr_ext.exceptions.common import SerializationException
from moto_ecr_ext.json_api.bodies import parse_body
from moto_ecr_ext.json_api.validation import check

PART = bytes(range(256)) * 1024
TEXT = base64.b64encode(PART).decode()
UPLOAD = "00000000-0000-4000-8000-000000000000"


def parsed(body: bytes) -> Any:
    return check("UploadLayerPart", parse_body(body, "layerPartBlob"))["layerPartBlob"]


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
    """The value is that of a whole JSON parser, whatever stands around it."""
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
    """botocore sends `{}`, other clients nothing at all, for a request without members."""
    assert parse_body(b"", None) == parse_body(b" \n", None) == {}
