"""The character that PostgreSQL cannot keep in a text, U+0000, in every text of every operation."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from support.model_variants import baseline
from support.populated import populate
from support.raw_http import RawClient
from support.stored import everything_stored
from support.valid_requests import SERVED, changed, places, valid_request


def texts(operation: str) -> Iterator[tuple[str, Any]]:
    """Requests with the character at the end of one text, and the path of it."""
    whole = baseline(operation)
    for request in (valid_request(operation), {**whole, **valid_request(operation)}, whole):
        for path in places(request):
            if isinstance(value := _at(request, path), str):
                nul = changed(copy.deepcopy(request), path, lambda _, text=value: text + "\0")
                yield "/".join(map(str, path)), nul


def _at(value: Any, path: tuple[Any, ...]) -> Any:
    for part in path:
        if part == "JSON":
            return None
        value = value[part]
    return value


@pytest.mark.parametrize("operation", SERVED)
def test_it_is_refused_or_does_no_harm(raw: RawClient, operation: str) -> None:
    """The character never causes an internal error, and a refusal changes nothing."""
    populate()
    before = everything_stored()
    for path, request in texts(operation):
        answer = raw.send(operation, request)
        assert answer.status in (200, 400), (path, answer.text)
        if answer.status == 400:
            assert everything_stored() == before, path
        else:
            populate()
            before = everything_stored()
