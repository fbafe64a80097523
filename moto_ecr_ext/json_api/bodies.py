"""Bodies of the JSON protocol: taken out of a request of moto, unpacked, parsed.

A layer part in one is decoded where it lies, without a text of it in between.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from werkzeug.exceptions import RequestEntityTooLarge

from moto_ecr_ext.exceptions.common import RequestEntityTooLargeException, SerializationException

from .readers import decode_blob

# Bytes. The largest request that ECR accepts is PutImage with 4,194,304 characters, which are at most twelve bytes each
# in JSON (`\ud83d\ude00`).
MAX_BODY = 64 * 1024 * 1024

# Where a body is searched for its blob rather than parsed whole.
_LARGE = 64 * 1024


def take_body(request: Any) -> bytes:
    """Return the whole body, taken out of the request. Raises RequestEntityTooLargeException.

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
            raise RequestEntityTooLargeException(MAX_BODY) from None
    request.environ["wsgi.input"] = io.BytesIO()
    request.environ.pop("werkzeug.request", None)
    return _within_limit(body)


def unzipped(body: bytes) -> bytes:
    """Return what a gzipped body contains. Raises SerializationException and RequestEntityTooLargeException."""
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
            return _within_limit(file.read(MAX_BODY + 1))
    except (OSError, EOFError, zlib.error):
        raise SerializationException("The body is not valid gzip") from None


def _within_limit(body: bytes) -> bytes:
    if len(body) > MAX_BODY:
        raise RequestEntityTooLargeException(MAX_BODY)
    return body


def parse_body(body: bytes, blob_member: str | None) -> Any:
    """Return the JSON value of a body; an empty body is an empty object.

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
    """Return the object in a body, its one blob decoded from the body itself; None if the blob is not surely found.

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
