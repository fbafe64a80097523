"""Digests: the names that blobs and manifests have by their bytes.

OCI Image Specification 1.1, "Digests".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Protocol

_ENCODED = {"sha256": re.compile(r"[a-f0-9]{64}"), "sha512": re.compile(r"[a-f0-9]{128}")}


class Hasher(Protocol):
    """The part of a `hashlib` object that is used here."""

    def update(self, data: bytes | bytearray | memoryview, /) -> None: ...

    def hexdigest(self) -> str: ...

    def copy(self) -> Hasher: ...


HASHERS: dict[str, Callable[[], Hasher]] = {"sha256": hashlib.sha256, "sha512": hashlib.sha512}


def is_digest(text: str) -> bool:
    """Whether `text` is a whole digest of an algorithm that a registry must know."""
    algorithm, _, encoded = text.partition(":")
    pattern = _ENCODED.get(algorithm)
    return pattern is not None and pattern.fullmatch(encoded) is not None


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of `content`."""
    hasher = HASHERS[algorithm]()
    hasher.update(content)
    return f"{algorithm}:{hasher.hexdigest()}"
