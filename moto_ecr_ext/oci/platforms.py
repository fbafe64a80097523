"""Platforms: an operating system, an architecture and its variant, as configurations and indexes name them.

OCI Image Specification 1.1, "Image Index", `platform`
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from .members import read_object


def platform_name(value: object) -> str:
    """Return the name of a platform, such as `linux/arm64/v8`; an empty text without a platform."""
    if not isinstance(value, dict):
        return ""
    parts = [text_of(value.get(key)) for key in ("os", "architecture", "variant")]
    return "/".join(filter(None, parts))


def text_of(value: object) -> str:
    """Return a text as it is, an empty text for None, and any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def platforms_in_index(content: bytes) -> Iterator[tuple[str, str]]:
    """Yield the platforms that an index lists, each with the digest of its image."""
    manifests = read_object(content).get("manifests")
    for entry in manifests if isinstance(manifests, list) else ():
        if isinstance(entry, Mapping):
            name = platform_name(entry.get("platform"))
            # BuildKit gives its attestations this platform.
            if name and name != "unknown/unknown":
                yield name, text_of(entry.get("digest"))


def find_platform(platforms: Mapping[str, Any], wanted: str) -> str | None:
    """Return the first of the platforms that has this name, perhaps with a variant that it does not name; or None."""
    return next((each for each in platforms if f"{each}/".startswith(f"{wanted}/")), None)
