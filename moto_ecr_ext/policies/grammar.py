"""The common grammar of all policy texts. Every function raises ValueError for a value of another form.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any


def load_json(text: str) -> Any:
    """Return the value of a policy text.

    Raises ValueError for invalid JSON, and for duplicate members, NaN, lone surrogates and too deep nesting.
    """
    try:
        value = json.loads(text, object_pairs_hook=_unique_members, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    return value


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member is given twice")
    return members


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def read_object(value: object, allowed: Collection[str]) -> dict[str, Any]:
    """Return `value` as an object. It may have the allowed members only."""
    if not isinstance(value, dict):
        raise ValueError("not an object")
    if others := [name for name in value if name not in allowed]:
        raise ValueError(f"it may not have {', '.join(others)}")
    return value


def statements_of(document: dict[str, Any]) -> list[Any]:
    """Return the statements of a document. A single statement needs no list."""
    statements = document.get("Statement")
    return statements if isinstance(statements, list) else [statements]


def read_texts(value: object) -> list[str]:
    """Return the texts of a nonempty list. A single text needs no list."""
    texts: list[Any] = value if isinstance(value, list) else [value]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("not a text or a list of texts")
    return texts


def read_either(members: dict[str, Any], name: str) -> tuple[object, bool]:
    """Return the value of the element `name` or of its opposite `Not…`, and True if it is the opposite."""
    opposite = f"Not{name}"
    if (name in members) == (opposite in members):
        raise ValueError(f"not one of {name} and {opposite}")
    return (members[name], False) if name in members else (members[opposite], True)
