"""Digests: names of blobs and manifests that are computed from their bytes.

OCI Image Specification 1.1, "Digests".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

_DIGEST = re.compile("sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128}")

API_DIGEST_PATTERN = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+"
"""The pattern that the operations of ECR require of a digest, and print in errors.

https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchCheckLayerAvailability.html
"""

_API_DIGEST = re.compile(API_DIGEST_PATTERN)


class Hasher(Protocol):
    """The members of a `hashlib` object that are used here."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> Hasher: ...


HASHERS: dict[str, Callable[[], Hasher]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


class InvalidDigest(ValueError):
    """A text that is not a digest, or a digest of an algorithm that registries need not support."""

    def __init__(self, text: str) -> None:
        super().__init__(f"not a digest: {text!r}")


class Digest(str):
    """A well-formed digest of an algorithm that registries must support.

    It is a `str`, so that it can be a key, a parameter of a statement and a value in JSON. `Digest(text)` does not
    check its text; `Digest.parse` does.
    """

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Return `text` as a digest. Raises InvalidDigest, which is a ValueError."""
        if not is_digest(text):
            raise InvalidDigest(text)
        return cls(text)

    @classmethod
    def parse_or_none(cls, text: str) -> Digest | None:
        """Return `text` as a digest; None if it is not one."""
        return cls(text) if is_digest(text) else None

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Digest:
        """Return the digest of `content`."""
        hasher = HASHERS[algorithm]()
        hasher.update(content)
        return cls(f"{algorithm}:{hasher.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """The hash algorithm, a key of `HASHERS`."""
        return self[:6]

    @property
    def encoded(self) -> str:
        """The hash in hexadecimal digits."""
        return self[7:]


def is_digest(text: str) -> bool:
    """Return True if `Digest.parse` accepts `text`."""
    return _DIGEST.fullmatch(text) is not None


def is_api_digest(text: str) -> bool:
    """Return True if the operations of ECR accept `text` as a digest. It may be no valid one."""
    return _API_DIGEST.fullmatch(text) is not None
