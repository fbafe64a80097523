"""Pages: opaque continuation tokens over a sort key, and the rule that pages and explicit names exclude each other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any, TypeVar

from moto_ecr_ext.compatibility import WHOLE_LISTS
from moto_ecr_ext.exceptions import InvalidParameterException

DEFAULT_PAGE_SIZE = 100

_Entry = TypeVar("_Entry")


# More than any registry has.
_WHOLE = 2**31 - 1


def page_size(wanted: int | None) -> int:
    """Return how many entries a page has at most: those that were asked for, or 100."""
    if wanted is not None:
        return wanted
    return _WHOLE if WHOLE_LISTS.is_on else DEFAULT_PAGE_SIZE


def cut_page(
    listing: str, found: list[_Entry], wanted: int | None, key: Callable[[_Entry], list[Any]]
) -> tuple[list[_Entry], str | None]:
    """Return a page of what was found, which is more than the page has if there is more, and the token of the next one.

    `wanted` is how many entries were asked for; `key` returns the sort key of an entry.
    """
    if wanted is None and len(found) > DEFAULT_PAGE_SIZE:
        WHOLE_LISTS.applies("a list of more than 100 entries")
    size = page_size(wanted)
    page = found[:size]
    return page, encode_token(listing, key(page[-1])) if len(found) > size else None


def encode_token(listing: str, key: list[Any]) -> str:
    """Return the token that continues `listing` behind the element whose sort key is `key`."""
    return base64.urlsafe_b64encode(json.dumps([listing, key]).encode()).decode()


def decode_token(
    listing: str, token: str | None, kinds: tuple[type[int] | type[str], ...]
) -> list[Any] | None:
    """Return the sort key in a token of `encode_token` for `listing`, with parts of `kinds`; None without a token.

    Raises InvalidParameterException for any other text.
    """
    if token is None:
        return None
    try:
        made_for, key = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if made_for == listing and len(key) == len(kinds) and all(map(_is_key, key, kinds)):
            return list(key)
    except (ValueError, TypeError, RecursionError):
        pass
    raise InvalidParameterException.at("nextToken", "Invalid continuation token")


def _is_key(part: object, kind: type) -> bool:
    """Return whether a part of a key is of a kind, and has a value that every database can compare with."""
    if type(part) is not kind:
        return False
    if isinstance(part, int):
        return 0 <= part < 2**63
    return isinstance(part, str) and part.isprintable() and part.isascii()


def refuse_pages_of(names: str, next_token: str | None, max_results: int | None) -> None:
    """Raise InvalidParameterException if paging is asked for beside the explicit `names`."""
    for parameter, value in (("nextToken", next_token), ("maxResults", max_results)):
        if value is not None:
            raise InvalidParameterException.at(
                parameter, f"Must not be specified together with {names}"
            )
