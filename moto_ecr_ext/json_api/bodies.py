"""Bodies of the JSON protocol. A layer part in one is decoded where it lies, without a text of it in between."""

from __future__ import annotations

import json
from typing import Any

from moto_ecr_ext.exceptions.common import SerializationException

from .readers import decode_blob

# Where a body is searched for its blob rather than parsed whole.
_LARGE = 64 * 1024


def parse_body(body: bytes, blob_member: str | None) -> Any:
    """The JSON value of a body; nothing at all is an empty object.

    `blob_member` is the member that may be a large blob, if the operation has one; it may come as bytes. Raises
    SerializationException.
    """
    if blob_member and len(body) > _LARGE:
        document = _with_blob(body, blob_member)
        if document is not None:
            return document
    try:
        return json.loads(body) if body.strip() else {}
    except (ValueError, RecursionError):
        raise SerializationException("The body is not valid JSON") from None


def _with_blob(body: bytes, member: str) -> dict[str, Any] | None:
    """The object in a body, its one blob decoded from the body itself; None where that cannot be told apart.

    Quotes inside of JSON strings are escaped, so that the name in quotes and a colon behind it are a member's.
    """
    key = json.dumps(member).encode()
    name = body.find(key)
    colon = body.find(b":", name)
    start = body.find(b'"', colon) + 1
    end = body.find(b'"', start)
    if -1 in (name, colon, end) or start == 0:
        return None
    between = body[name + len(key) : start]
    if len(between) > 16 or between.split() not in ([b':"'], [b":", b'"']):
        return None
    rest = body[:start] + body[end:]
    if rest.find(key, start) != -1 or body.find(b"\\", start, end) != -1:
        return None
    try:
        document = json.loads(rest)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get(member) != "":
        return None
    document[member] = decode_blob(memoryview(body)[start:end])
    return document
