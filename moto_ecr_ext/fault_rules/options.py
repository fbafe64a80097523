"""The options of faults: their names, and their values, checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Any

from .problems import FaultError, did_you_mean

Check = Callable[[str, Any], Any]
"""Returns the value of an option by its name, or raises FaultError."""

# Seconds. A rule of LocalStack has milliseconds, so that a mistaken unit would wait for hours.
_LONGEST_WAIT = 3600


def whole(least: int) -> Check:
    """Return the check of a whole number that is not less than `least`."""

    def check(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise FaultError(f"{name} is {value!r}; it must be a whole number from {least} on")
        return value

    return check


def place(name: str, value: Any) -> int:
    """Return a place in a body; a negative one counts from the end."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise FaultError(f"{name} is {value!r}; it must be a whole number")
    return value


def seconds(name: str, value: Any) -> float:
    """Return a length of time."""
    if not _is_number(value) or not 0 <= value <= _LONGEST_WAIT:
        raise FaultError(f"{name} is {value!r}; it must be 0 to {_LONGEST_WAIT} seconds")
    return float(value)


def rate(name: str, value: Any) -> float:
    """Return a number of calls."""
    if not _is_number(value) or not 0 < value <= 1e9:
        raise FaultError(f"{name} is {value!r}; it must be a number above 0")
    return float(value)


def probability(name: str, value: Any) -> float:
    """Return a probability."""
    if not _is_number(value) or not 0 < value <= 1:
        raise FaultError(f"{name} is {value!r}; it must be above 0, and 1 at most")
    return float(value)


def status(name: str, value: Any) -> int:
    """Return the status of an error."""
    if isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 599:
        raise FaultError(f"{name} is {value!r}; it must be the status of an error, 400 to 599")
    return value


def text(name: str, value: Any) -> str:
    """Return a text without control characters."""
    if not isinstance(value, str) or not value or not value.isprintable():
        raise FaultError(f"{name} is {value!r}; it must be a text")
    return value


def seed(name: str, value: Any) -> int | str:
    """Return the seed of random numbers."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise FaultError(f"{name} is {value!r}; it must be a number or a text")
    return text(name, value) if isinstance(value, str) else value


def calls(name: str, value: Any) -> Any:
    """Return one pattern of calls, or several. `parse_calls` checks them."""
    is_list = isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)
    if not value or not (isinstance(value, str) or is_list):
        raise FaultError(
            f"{name} is {value!r}; it must be the name of an operation, or a method and a path"
        )
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


FILTERS = ("account", "region", "repository", "tag", "principal")
"""Options that limit a fault to some calls, by patterns with wildcards."""

OF_ALL: Mapping[str, Check] = {
    "times": whole(1),
    "after": whole(0),
    "probability": probability,
    "seed": seed,
    **dict.fromkeys(FILTERS, text),
}
"""The options that every fault has."""


def check(fault: str, given: Mapping[str, Any], known: Mapping[str, Check]) -> dict[str, Any]:
    """Return the given options of a fault with their values. An option that is None is not given. Raises FaultError."""
    for name in given:
        if name not in known:
            raise FaultError(f"{fault} has no option {name!r}{did_you_mean(str(name), known)}")
    return {name: known[name](name, value) for name, value in given.items() if value is not None}


def matcher(pattern: str) -> Callable[[str], Any]:
    """Return a function that says if a text matches a pattern with wildcards."""
    return re.compile(translate(pattern)).match
