"""References: tags and digests, by which the registry protocol names manifests.

OCI Distribution Specification 1.1, "Pulling manifests"
"""

from __future__ import annotations

import re
from typing import TypeAlias

from .digest import Digest

TAG_PATTERN = "[a-zA-Z0-9-_.]+"
"""The pattern of a tag that ECR prints in errors.

Unlike in the specification, a tag may begin with any of the characters.
"""

LONGEST_TAG = 300
"""https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html"""

_TAG = re.compile(TAG_PATTERN)


class InvalidTag(ValueError):
    """A text that cannot be a tag."""

    def __init__(self, text: str) -> None:
        super().__init__(f"not a tag: {text!r}")


class Tag(str):
    """A name that points at one manifest of a repository. `Tag(text)` does not check its text; `Tag.parse` does."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Return `text` as a tag of any length. Raises InvalidTag, which is a ValueError."""
        if not is_tag(text):
            raise InvalidTag(text)
        return cls(text)


Reference: TypeAlias = Tag | Digest


def is_tag(text: str) -> bool:
    """Return True if `text` has the characters of a tag. Its length is not checked."""
    return _TAG.fullmatch(text) is not None


def parse_reference(text: str) -> Reference:
    """Return a text as a tag or a digest. Raises InvalidTag or InvalidDigest."""
    # A tag has no colon.
    return Digest.parse(text) if ":" in text else Tag.parse(text)
