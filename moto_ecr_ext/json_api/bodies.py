"""Bodies of the JSON protocol: read from moto's requests, unpacked, and parsed.

A layer part is decoded from the body itself, without a copy of its text.
"""

from __future__ import annotations

import io
import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import Any

from botocore.awsrequest import AWSPreparedRequest
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from moto_ecr_ext.exceptions.common import RequestEntityTooLargeException, SerializationException
from moto_ecr_ext.oci.archives import ArchiveError, TooLarge, gunzip
from moto_ecr_ext.service_model import LargeMember

from .readers import decode_blob

# Bytes. The largest requests of ECR are UploadLayerPart with 20,971,520 bytes, which are 27,962,028 in base64, and
# PutImage with 4,194,304 characters, each of which takes at most six bytes in JSON (`\u00e4`).
MAX_BODY = 32 * 1024 * 1024
# Bytes of other requests, and of the rest of these two without the layer part or manifest: for example lists of a
# hundred names, or policies. Parsing takes up to thirty times the memory of the JSON, and blocks all other threads.
MAX_SMALL_BODY = 1024 * 1024

# The size from which a body is searched for its blob instead of parsed as a whole.
_LARGE = 64 * 1024


def take_body(request: Any) -> bytes:
    """Return the whole body, and remove it from the request.

    Raises RequestEntityTooLargeException, and SerializationException for a body that ends early.

    A werkzeug request and its environment refer to each other. A body that is left there stays in memory until the
    garbage collector runs: 13 MiB for each part of a layer.
    """
    if isinstance(request, AWSPreparedRequest):  # moto up to 5.2.2, in the process
        body: Any = request.body
        if hasattr(body, "read"):
            body = body.read()
        return _within_limit(
            body.encode() if isinstance(body, str) else bytes(body or b""), MAX_BODY
        )
    stream = request.environ["wsgi.input"]
    if isinstance(stream, io.BytesIO) and stream.tell() == 0:
        body = stream.getvalue()  # In the process: the bytes that were given, without a copy.
    else:
        request.max_content_length = MAX_BODY
        try:
            body = request.get_data(cache=False)
        except RequestEntityTooLarge:
            raise RequestEntityTooLargeException(MAX_BODY) from None
        except ClientDisconnected:  # Also after the idle timeout.
            raise SerializationException("The body ends early, or is malformed") from None
    request.environ["wsgi.input"] = io.BytesIO()
    request.environ.pop("werkzeug.request", None)
    return _within_limit(body, MAX_BODY)


def unzip_body(body: bytes, large: LargeMember | None) -> bytes:
    """Return the content of a gzipped body, which must be parsed with the same `large`.

    Raises SerializationException and RequestEntityTooLargeException.
    """
    limit = MAX_BODY if large else MAX_SMALL_BODY
    try:
        return gunzip(body, limit)
    except TooLarge:
        raise RequestEntityTooLargeException(limit) from None
    except ArchiveError:
        raise SerializationException("The body is not valid gzip") from None


def _within_limit(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise RequestEntityTooLargeException(limit)
    return body


def parse_body(body: bytes, large: LargeMember | None) -> Any:
    """Return the JSON value of a body. An empty body is an empty object.

    `large` is the member of the operation that may have MiBs, if any. A blob may be returned as bytes. Raises
    SerializationException and RequestEntityTooLargeException.
    """
    if large and large.is_blob and len(body) > _LARGE:
        document = _with_blob(body, large.name)
        if document is not None:
            return document
    try:
        if large and len(body) > MAX_SMALL_BODY:
            return _with_text(body.decode(), large)
        return json.loads(_within_limit(body, MAX_SMALL_BODY)) if body.strip() else {}
    except (ValueError, RecursionError):
        raise SerializationException("The body is not valid JSON") from None


def _with_text(body: str, large: LargeMember) -> dict[str, Any]:
    """Return the object in a body whose large member is parsed separately.

    Parsing a string is fast, and needs no more memory than its characters. Raises ValueError if the body is not JSON,
    and RequestEntityTooLargeException if its large part is not this member, or cannot be separated.
    """
    member = re.compile(rf'"{large.name}"\s*:\s*"')
    match = member.search(body)
    if match is None:
        raise RequestEntityTooLargeException(MAX_SMALL_BODY)
    value, end = scanstring(body, match.end(), True)
    rest = body[: match.end()] + body[end - 1 :]
    if len(rest) > MAX_SMALL_BODY or member.search(rest, match.end()):
        raise RequestEntityTooLargeException(MAX_SMALL_BODY)
    document: dict[str, Any] = json.loads(rest)
    if not isinstance(document, dict) or document.get(large.name) != "":
        raise RequestEntityTooLargeException(MAX_SMALL_BODY)
    document[large.name] = decode_blob(value) if large.is_blob else value
    return document


def _with_blob(body: bytes, member: str) -> dict[str, Any] | None:
    """Return the object in a body, with its one blob decoded from the body itself; None if this is not safe.

    Quotes in JSON strings are escaped, so the name in quotes with a colon behind it is a member.
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
    if len(rest) > MAX_SMALL_BODY:
        raise RequestEntityTooLargeException(MAX_SMALL_BODY)
    try:
        document = json.loads(rest)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get(member) != "":
        return None
    document[member] = decode_blob(memoryview(body)[start:end])
    return document
