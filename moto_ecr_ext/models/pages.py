"""Pages: opaque continuation tokens over a sort key, and the rule that pages and explicit names exclude each other."""

from __future__ import annotations

import base64
import json
from typing import Any

from moto_ecr_ext.exceptions import InvalidContinuationToken, InvalidParameterException

DEFAULT_PAGE_SIZE = 100


def encode_token(listing: str, key: list[Any]) -> str:
    """The token that continues `listing` behind the element whose sort key is `key`."""
    return base64.urlsafe_b64encode(json.dumps([listing, key]).encode()).decode()


def decode_token(listing: str, token: str, kinds: tuple[type, ...]) -> list[Any]:
    """The sort key in a token that `encode_token` made for `listing`, whose parts are of `kinds`.

    Raises InvalidContinuationToken for any other text.
    """
    try:
        made_for, key = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
        if made_for == listing and tuple(type(part) for part in key) == kinds:
            return list(key)
    except (ValueError, TypeError, RecursionError):
        pass
    raise InvalidContinuationToken


def refuse_pages_of(names: str, next_token: str | None, max_results: int | None) -> None:
    """Raise InvalidParameterException if paging is asked for beside the explicit `names`."""
    for parameter, value in (("nextToken", next_token), ("maxResults", max_results)):
        if value is not None:
            raise InvalidParameterException.at(
                parameter, f"Must not be specified together with {names}"
            )
