"""What did the code under test call? The journal of calls, and assertions about it.

    from moto_ecr_ext.testing import journal

    deploy("team/app", "1.0")
    journal.assert_pushed("team/app:1.0", platform="linux/arm64")
    journal.assert_not_called("BatchDeleteImage")

The functions of this module are the methods of a `Journal` of this process, which has the calls of both protocols under
`mock_aws` and to servers in this process. `Journal("http://127.0.0.1:5000")` is that of a server.

An operation stands for both protocols: docker's push of a manifest is a `PutImage`, its pull of a manifest a
`BatchGetImage`, that of a blob a `GetDownloadUrlForLayer`. Conditions are those of `CallFilter`. A failure shows the
calls that came nearest to what was expected.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, NoReturn, TypedDict

from moto_ecr_ext.calls import REGISTRY, CallRecord
from moto_ecr_ext.models.lookup import any_backend
from moto_ecr_ext.models.reading.journal import (
    ANY_PLATFORM,
    CallFilter,
    FilterError,
    FoundCall,
)
from moto_ecr_ext.oci.platforms import find_platform

from .names import NamedInRegistry

if TYPE_CHECKING:
    from typing_extensions import Unpack

__all__ = [
    "CallFilter",
    "CallRecord",
    "Conditions",
    "FilterError",
    "Journal",
    "assert_called",
    "assert_calls_in_order",
    "assert_not_called",
    "assert_pulled",
    "assert_pushed",
    "calls",
    "from_now",
]

# Calls that a failure shows.
_SHOWN = 5
# Digits of a digest that a failure shows.
_DIGITS = 12


class Conditions(TypedDict, total=False):
    """The conditions of a call by name: those of `CallFilter`, except the operation."""

    repository: str
    reference: str
    digest: str
    platform: str
    status: str | int
    error_code: str
    protocol: str
    caller: str
    account_id: str
    registry_id: str
    region: str
    client: str
    user_agent: str
    after: int


class Journal:
    """The journal of this process, or that of the server at the URL `endpoint`.

    Iterating yields the records of the calls, in the order in which they began. `after` is the number of a call: the
    journal has only later ones.
    """

    def __init__(self, endpoint: str | None = None, *, after: int = 0) -> None:
        self._endpoint = endpoint
        self._after = after

    def __iter__(self) -> Iterator[CallRecord]:
        return iter(self.calls())

    def from_now(self) -> Journal:
        """Return the journal of later calls, for example after a test has prepared its repositories."""
        calls = self.calls()
        return Journal(self._endpoint, after=calls[-1].number if calls else self._after)

    def calls(self, operation: str = "", **conditions: Unpack[Conditions]) -> list[CallRecord]:
        """Return the calls of an operation that meet all conditions.

        `calls("PutImage", repository="team/app")`. Raises FilterError for conditions that no call can meet, such as an
        operation that ECR does not have.
        """
        return [each.call for each in self._find(CallFilter(operation, **conditions))]

    def assert_called(
        self, operation: str, *, times: int | None = None, **conditions: Unpack[Conditions]
    ) -> list[CallRecord]:
        """Fail unless there are such calls, or exactly so many. Return them."""
        __tracebackhide__ = True
        wanted = CallFilter(operation, **conditions)
        found = self._find(wanted)
        if times is None and not found:
            self._fail(f"{_named(wanted)} was not called.", wanted)
        if times is not None and len(found) != times:
            reason = f"{_named(wanted)} was called {_times(len(found))} instead of {_times(times)}."
            raise AssertionError("\n".join([reason, *_lines(found)]))
        return [each.call for each in found]

    def assert_not_called(self, operation: str, **conditions: Unpack[Conditions]) -> None:
        """Fail if there is such a call."""
        __tracebackhide__ = True
        wanted = CallFilter(operation, **conditions)
        found = self._find(wanted)
        if found:
            reason = f"{_named(wanted)} was called {_times(len(found))}."
            raise AssertionError("\n".join([reason, *_lines(found)]))

    def assert_calls_in_order(self, *expected: str | CallFilter) -> list[CallRecord]:
        """Fail unless there are calls of these in this order, with any others between them. Return the first such.

        Each is an operation, or a `CallFilter`: `CallFilter("PutImage", repository="team/app")`.
        """
        __tracebackhide__ = True
        filters = [CallFilter(each) if isinstance(each, str) else each for each in expected]
        made: list[CallRecord] = []
        for wanted in filters:
            found = self._find(wanted)
            last = made[-1].number if made else 0
            later = next((each.call for each in found if each.call.number > last), None)
            if later is None:
                order = ", ".join(map(_named, filters))
                reason = f"The calls were not made in this order: {order}."
                if not found:
                    self._fail(f"{reason} {_named(wanted)} was not called.", wanted)
                last_call, before = _lines([FoundCall(made[-1])]), _lines(found)
                name = _named(wanted)
                lines = [reason, "After", *last_call, f"there was no {name}, but before:", *before]
                raise AssertionError("\n".join(lines))
            made.append(later)
        return made

    def assert_pushed(self, image: str, *, platform: str = "") -> CallRecord:
        """Fail unless an image was pushed, by either protocol. Return the last call that did.

        `image` is `team/app:1.0`, `team/app@sha256:...`, or `team/app` for any image of the repository, perhaps behind
        the host of a registry. `platform`, such as `linux/arm64`, is that of the image, or of one in the index.
        """
        __tracebackhide__ = True
        wanted = _filter("PutImage", image, platform)
        found = [each for each in self._find(wanted) if _was_done(each.call)]
        if not found:
            self._fail(f"{_with_platform(image, platform)} was not pushed.", wanted)
        return found[-1].call

    def assert_pulled(self, image: str, *, platform: str = "") -> CallRecord:
        """Fail unless the manifest of an image was pulled, by either protocol. Return the last call that did.

        `image` and `platform` are those of `assert_pushed`. Of an index, the image for the platform must be pulled,
        too. A HEAD of a manifest is not a pull.
        """
        __tracebackhide__ = True
        wanted = _filter("BatchGetImage", image, platform)
        found = [each for each in self._find(wanted) if _was_done(each.call)]
        if platform:
            pulled = {
                (each.repository, each.digest)
                for each in self.calls("BatchGetImage")
                if _was_done(each)
            }
            found = [
                each
                for each in found
                if (each.call.repository, _digest_for(each, platform)) in pulled
            ]
        if not found:
            self._fail(f"{_with_platform(image, platform)} was not pulled.", wanted)
        return found[-1].call

    def _find(self, wanted: CallFilter) -> list[FoundCall]:
        wanted = replace(wanted, after=max(wanted.after, self._after))
        if self._endpoint is None:
            return any_backend().find_calls(wanted)
        return list(_found_at(self._endpoint, wanted))

    def _fail(self, reason: str, wanted: CallFilter) -> NoReturn:
        """Fail with a reason, and the calls that are most similar to those that are wanted."""
        __tracebackhide__ = True
        others = self._find(CallFilter())
        if not others:
            raise AssertionError(f"{reason} There were no calls.")
        if wanted.platform:
            found = self._find(CallFilter(platform=ANY_PLATFORM))
            with_platforms = {each.call.number: each for each in found}
            others = [with_platforms.get(each.call.number, each) for each in others]
        # Equal calls are equally near.
        nearness = {_described(each): _nearness(wanted, each.call) for each in others}
        nearest = sorted(nearness, key=lambda text: -nearness[text])[:_SHOWN]
        shown = [each for text in nearest for each in others if _described(each) == text]
        raise AssertionError(
            "\n".join([f"{reason} The nearest of {_number(others)}:", *_lines(shown)])
        )


def _found_at(endpoint: str, wanted: CallFilter) -> Iterator[FoundCall]:
    """Yield the calls that a server's journal has. Raises an error of `requests` if it does not answer."""
    import requests

    conditions = {each.name: getattr(wanted, each.name) for each in fields(wanted)}
    given = {name: str(value) for name, value in conditions.items() if value}
    url = f"{endpoint.rstrip('/')}/moto-api/ecr/journal"
    with requests.get(url, params=given, timeout=60) as answer:
        answer.raise_for_status()
        for line in answer.text.splitlines():
            members = json.loads(line)
            platforms = members.pop("platforms", {})
            yield FoundCall(CallRecord(**members), platforms)


def _filter(operation: str, image: str, platform: str) -> CallFilter:
    name = NamedInRegistry.parse(image)
    wanted = CallFilter(
        operation,
        repository=name.repository,
        reference=name.tag,
        digest=name.digest,
        platform=platform,
        status="2xx",
    )
    if name.registry is None:
        return wanted
    return replace(wanted, registry_id=name.registry.account_id, region=name.registry.region)


def _was_done(call: CallRecord) -> bool:
    """Return True if a call has pushed or pulled an image. BatchGetImage of a missing one is a success, too."""
    return call.method != "HEAD" and bool(call.digest or call.images)


def _digest_for(found: FoundCall, platform: str) -> str:
    return found.platforms[find_platform(found.platforms, platform) or ""]


def _with_platform(image: str, platform: str) -> str:
    return f"{image} for {platform}" if platform else image


def _named(wanted: CallFilter) -> str:
    """Return a filter in words: the operation, the image, and further conditions."""
    image = _image(wanted.repository, wanted.reference, wanted.digest)
    others = [
        f"{each.name}={getattr(wanted, each.name)}"
        for each in fields(wanted)
        if each.name not in ("operation", "repository", "reference", "digest", "after", "status")
        and getattr(wanted, each.name)
    ]
    status = [f"status={wanted.status}"] if wanted.status not in ("", "2xx") else []
    return " ".join(filter(None, [wanted.operation or "Any call", image, *others, *status]))


def _image(repository: str, reference: str, digest: str) -> str:
    if reference and ":" not in reference:
        return f"{repository}:{reference}"
    digest = reference or digest
    return f"{repository}@{_short(digest)}" if digest else repository


def _short(digest: str) -> str:
    return digest[: digest.find(":") + 1 + _DIGITS]


def _described(found: FoundCall) -> str:
    """Return a call in one line: operation, image, request to the registry, status, error, digest, platforms."""
    call = found.call
    images = [_image(call.repository, call.reference, "")]
    if call.images:
        images = [_image(call.repository, tag, digest) for tag, digest in call.images]
    return " ".join(
        filter(
            None,
            [
                call.operation or call.kind,
                ", ".join(images),
                f"({call.method} {call.path})" if call.protocol == REGISTRY else "",
                f"-> {call.status}",
                call.error_code,
                _short(call.digest) if call.digest != call.reference else "",
                ", ".join(found.platforms),
            ],
        )
    )


def _lines(found: Sequence[FoundCall]) -> list[str]:
    """Return the calls in lines: equal ones once, with their number."""
    numbers = Counter(map(_described, found))
    lines = [
        f"  {text}" + (f"  ({_times(number)})" if number > 1 else "")
        for text, number in numbers.items()
    ]
    more = len(lines) - _SHOWN
    return [*lines[:_SHOWN], f"  and {more} others"] if more > 0 else lines


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _number(others: Sequence[FoundCall]) -> str:
    return "one call" if len(others) == 1 else f"{len(others)} calls"


def _nearness(wanted: CallFilter, call: CallRecord) -> float:
    """Return how similar a call is to the wanted ones, by its operation and its image: from 0 to 2."""
    is_path = " " in wanted.operation
    operation = f"{call.method} {call.path}" if is_path else call.operation
    aim = _image(wanted.repository, wanted.reference, wanted.digest)
    image = _image(call.repository, "" if wanted.digest else call.reference, call.digest)
    return _ratio(wanted.operation, operation) + _ratio(aim, image)


@lru_cache(maxsize=10_000)
def _ratio(aim: str, text: str) -> float:
    return SequenceMatcher(None, aim, text, autojunk=False).ratio()


_OF_PROCESS = Journal()
calls = _OF_PROCESS.calls
from_now = _OF_PROCESS.from_now
assert_called = _OF_PROCESS.assert_called
assert_not_called = _OF_PROCESS.assert_not_called
assert_calls_in_order = _OF_PROCESS.assert_calls_in_order
assert_pushed = _OF_PROCESS.assert_pushed
assert_pulled = _OF_PROCESS.assert_pulled
