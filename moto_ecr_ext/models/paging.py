"""Pages: opaque continuation tokens over a sort key. Requests give explicit names or page parameters, not both."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from moto_ecr_ext.compatibility.registries import DEFAULT_LIST_SIZE
from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import InvalidParameterException, UnknownPage

_Entry = TypeVar("_Entry")


def page_size(wanted: int | None) -> int:
    """Return the largest number of entries of a page: the wanted number, or 100."""
    return current_rules().registries.list_size if wanted is None else wanted


def cut_page(
    listing: str, found: list[_Entry], wanted: int | None, key: Callable[[_Entry], list[Any]]
) -> tuple[list[_Entry], str | None]:
    """Return one page of the entries that were found, and the token of the next page.

    `found` has more entries than the page if there is a next page. `wanted` is the number of entries in the request;
    `key` returns the sort key of an entry.
    """
    if wanted is None and len(found) > DEFAULT_LIST_SIZE:
        current_rules().registries.note_long_list()
    size = page_size(wanted)
    page = found[:size]
    return page, encode_token(listing, key(page[-1])) if len(found) > size else None


def encode_token(listing: str, key: list[Any]) -> str:
    """Return the token that continues `listing` after the entry whose sort key is `key`."""
    return base64.urlsafe_b64encode(json.dumps([listing, key]).encode()).decode()


def decode_token(
    listing: str, token: str | None, kinds: tuple[type[int] | type[str], ...]
) -> list[Any] | None:
    """Return the sort key of a token that `encode_token` made for `listing`; None without a token.

    `kinds` are the types of the parts of the key. Raises UnknownPage for any other text.
    """
    if token is None:
        return None
    try:
        made_for, key = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if made_for == listing and len(key) == len(kinds) and all(map(_is_key, key, kinds)):
            return list(key)
    except (ValueError, TypeError, RecursionError):
        pass
    raise UnknownPage


def _is_key(part: object, kind: type) -> bool:
    """Return True if a part of a key has a type, and a value that every database can compare with."""
    if type(part) is not kind:
        return False
    if isinstance(part, int):
        return 0 <= part < 2**63
    return isinstance(part, str) and part.isprintable() and part.isascii()


def refuse_pages_of(names: str, next_token: str | None, max_results: int | None) -> None:
    """Raise InvalidParameterException if a request gives page parameters together with the explicit `names`."""
    for parameter, value in (("nextToken", next_token), ("maxResults", max_results)):
        if value is not None:
            raise InvalidParameterException.at(
                parameter, f"Must not be specified together with {names}"
            )
