"""Members of a JSON document, with checks of their types. Each is named by its path, such as `layers[0].digest`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from moto_ecr_ext.exceptions import InvalidManifest

_PLAIN_NAME = re.compile(r"[\w.-]{1,100}", re.ASCII)


def member_of(parent: str, name: str) -> str:
    """Return the path of a member of an object. A client's name is shortened and escaped."""
    return f"{parent}.{name}" if _PLAIN_NAME.fullmatch(name) else f"{parent}[{name[:100]!a}]"


def read_object(content: bytes) -> Mapping[str, Any]:
    """Return the JSON object that a document is; an empty one for any other document."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def as_object(value: Any, member: str) -> dict[str, Any]:
    """Return a value as an object. Raises InvalidManifest for any other type."""
    if not isinstance(value, dict):
        raise InvalidManifest(member, "must be an object")
    return value


def required(document: dict[str, Any], name: str, parent: str = "") -> tuple[Any, str]:
    """Return a member's value and its path. `parent` is that of its object. Raises InvalidManifest if it is missing."""
    member = f"{parent}.{name}" if parent else name
    if name not in document:
        raise InvalidManifest(member, "is missing")
    return document[name], member


def elements(document: dict[str, Any], name: str) -> Iterator[tuple[Any, str]]:
    """Yield each element of a list, and its path. `null` counts as an empty list, as programs in Go write it.

    Raises InvalidManifest for any other type, and for a missing member.
    """
    value, _ = required(document, name)
    if value is not None and not isinstance(value, list):
        raise InvalidManifest(name, "must be a list")
    for index, element in enumerate(value or ()):
        yield element, f"{name}[{index}]"


def optional_text(value: Any, member: str) -> str | None:
    """Return a value as text, or None for `null`. Raises InvalidManifest for any other type.

    UTF-8 and every database can store the text. JSON may have lone surrogates and U+0000, which are refused.
    """
    if value is None:
        return None
    if not isinstance(value, str):
        raise InvalidManifest(member, "must be a string")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidManifest(member, "has a lone surrogate") from None
    if "\0" in value:
        raise InvalidManifest(member, "has the character U+0000")
    return value


def optional_texts(value: Any, member: str) -> dict[str, str] | None:
    """Return an object of texts; None for `null` and an empty object. Raises InvalidManifest for any other type."""
    if value is None:
        return None
    texts = {}
    for key, each in as_object(value, member).items():
        optional_text(key, member)
        text = optional_text(each, member_of(member, key))
        if text is None:
            raise InvalidManifest(member_of(member, key), "must be a string")
        texts[key] = text
    return texts or None
