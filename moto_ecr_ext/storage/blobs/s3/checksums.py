"""Checksums of what S3 holds: the MD5 of an object or part, which S3 checks and returns as its entity tag.

botocore also sends a CRC32, which AWS checks. Other services may ignore that, and keep whatever arrives.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

_PLAIN = re.compile('"?([0-9a-f]{32})"?')
_COMPOSED = re.compile('"?([0-9a-f]{32}-[0-9]+)"?')


def md5_of(content: bytes | bytearray) -> str:
    """Return the MD5 of `content` in hexadecimal digits."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def content_md5(md5: str) -> str:
    """Return an MD5 as the header Content-MD5 has it."""
    return base64.b64encode(bytes.fromhex(md5)).decode()


def md5_in(answer: Mapping[str, Any], etag: object) -> str | None:
    """Return the MD5 of content that S3 holds, from its entity tag, or None if the tag is something else.

    The tag of encrypted content is an MD5 only if S3 manages the keys:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
    """
    match = _PLAIN.fullmatch(etag) if isinstance(etag, str) else None
    return match[1] if match is not None and _is_readable(answer) else None


def _is_readable(answer: Mapping[str, Any]) -> bool:
    is_of_s3 = answer.get("ServerSideEncryption", "AES256") == "AES256"
    return is_of_s3 and "SSECustomerAlgorithm" not in answer


def is_composed_of(answer: Mapping[str, Any], parts: Sequence[str]) -> bool:
    """Return False if the entity tag in S3's answer says that an object's parts have other tags than `parts`."""
    etag = answer.get("ETag")
    tags = [_PLAIN.fullmatch(part) for part in parts]
    composed = _COMPOSED.fullmatch(etag) if isinstance(etag, str) else None
    if composed is None or None in tags or not _is_readable(answer):
        return True
    joined = b"".join(bytes.fromhex(tag[1]) for tag in tags if tag)
    return composed[1] == f"{md5_of(joined)}-{len(parts)}"
