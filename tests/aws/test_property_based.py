"""Any body at all, at every operation: a result or an AWS-shaped refusal, and a refusal changes nothing.

MOTO_ECR_TEST_FUZZ=1000 tries that many bodies for each operation and kind, others with every run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from support.populated import populate
from support.raw_http import RawClient
from support.stored import everything_stored
from support.valid_requests import SERVED, changed, places, valid_request

pytestmark = [pytest.mark.once, pytest.mark.slow]

fuzzing = settings(
    max_examples=int(os.environ.get("MOTO_ECR_TEST_FUZZ", "12")),
    derandomize="MOTO_ECR_TEST_FUZZ" not in os.environ,
    deadline=None,
    database=None,
    # A failure is found again as it is in the next run.
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)

ODD_TEXTS = [
    "",
    "\0",
    "a\0b",
    "\ud800",
    "😀",
    "٣",
    "a" * 70_000,
    "../../etc/passwd",
    "team/app",
    "v1",
    "*",
    "%",
    "' OR 1=1 --",
    "sha256:" + "0" * 64,
    "123456789012",
]
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([0, -1, 1, 1001, 2**31, 2**63, 2**64, -(2**63) - 1, 10**400]),
    st.floats(),
    st.text(),
    st.sampled_from(ODD_TEXTS),
)


def json_values(names: list[str]) -> st.SearchStrategy[Any]:
    """JSON of any shape, whose objects have members of these names among others."""
    keys = st.one_of(st.sampled_from(names), st.text(max_size=5)) if names else st.text(max_size=5)
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)
        ),
        max_leaves=8,
    )


def member_names(value: Any) -> Iterator[str]:
    """The names of all members in a JSON value."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield name
            yield from member_names(item)
    elif isinstance(value, list):
        for item in value:
            yield from member_names(item)


@st.composite
def mutated_requests(draw: st.DrawFn, operation: str) -> Any:
    """A valid request in which one to three values are others, gone, or there many times."""
    request: Any = valid_request(operation)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(request))))
        kind = draw(st.sampled_from(["replace", "replace", "remove", "repeat"]))
        if kind == "replace":
            value = draw(json_values(list(member_names(request))))
            request = changed(request, path, lambda _, value=value: value)
        elif kind == "remove" and path and path[-1] != "JSON":
            request = changed(
                request, path[:-1], lambda parent, name=path[-1]: _without(parent, name)
            )
        elif kind == "repeat":
            count = draw(st.sampled_from([2, 101]))
            request = changed(request, path, lambda value, count=count: [value] * count)
        if not isinstance(request, (dict, list)):
            break
    return request


def _without(parent: Any, name: Any) -> Any:
    if isinstance(parent, str):
        return parent
    del parent[name]
    return parent


@st.composite
def broken_bodies(draw: st.DrawFn, operation: str) -> bytes:
    """The bytes of a valid request with some taken out and others put in."""
    body = json.dumps(valid_request(operation)).encode()
    start = draw(st.integers(0, len(body)))
    stop = draw(st.integers(start, len(body)))
    return body[:start] + draw(st.binary(max_size=4)) + body[stop:]


@pytest.mark.parametrize("operation", SERVED)
def test_the_valid_requests_are_good_ones(raw: RawClient, operation: str) -> None:
    """Valid requests pass the first checks, so that their mutations reach the later ones."""
    populate()
    answer = raw.send(operation, valid_request(operation))
    if answer.status != 200:
        assert answer.refusal.code not in (
            "InvalidParameterException",
            "SerializationException",
            "RepositoryNotFoundException",
            "ImageNotFoundException",
            "UploadNotFoundException",
        ), answer.text


@pytest.mark.parametrize("operation", SERVED)
def test_any_body(raw: RawClient, operation: str) -> None:
    """Valid requests with errors put in, any JSON, and broken bytes have a result or an AWS-shaped refusal."""
    populate()
    before = everything_stored()

    @fuzzing
    @given(
        st.one_of(
            mutated_requests(operation),
            json_values(list(member_names(valid_request(operation)))),
            broken_bodies(operation),
        )
    )
    def check(body: Any) -> None:
        nonlocal before
        answer = raw.send(operation, body if isinstance(body, bytes) else json.dumps(body))
        after = everything_stored()
        if answer.status == 200:
            assert isinstance(answer.document, dict)
        else:
            assert answer.refusal.code
            assert after == before
        if after != before:
            populate()
            before = everything_stored()

    check()
