"""Patterns of calls: operations of the API, or methods and paths of the registry, with wildcards.

An operation means the calls of both protocols: `PutImage` is also `PUT /v2/<name>/manifests/<reference>`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache

from moto_ecr_ext import service_model
from moto_ecr_ext.calls import API, REGISTRY
from moto_ecr_ext.distribution.routes import ROUTES, Route
from moto_ecr_ext.faults import Strike

from .problems import FaultError, did_you_mean

_PROTOCOLS = (API, REGISTRY)
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# A method that has the route of another one.
_LIKE = {"HEAD": "GET"}
# What the wildcards of templates do not match: a name has slashes, and other parts of a path have none.
_ANY = {"*": ("",), "+": ("", "/")}
# Characters. Names of repositories have up to 256.
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class CallPattern:
    """Calls of one or both protocols. `operations` are those that they have in the API, `routes` their endpoints."""

    text: str
    protocols: tuple[str, ...]
    operations: frozenset[str]
    routes: tuple[Route, ...]
    method: str = "*"
    path: str = ""

    def matches(self, strike: Strike) -> bool:
        """Return True if a call is one of these."""
        if strike.protocol not in self.protocols:
            return False
        if not self.path:
            return strike.operation in self.operations
        return self.method in ("*", strike.method) and fnmatchcase(strike.path, self.path)


def parse_calls(given: str | Sequence[str], protocol: str | None) -> tuple[CallPattern, ...]:
    """Return the patterns of one or several texts, in one protocol or in both. Raises FaultError."""
    if protocol is not None and protocol not in _PROTOCOLS:
        raise FaultError(
            f"There is no protocol {protocol!r}{did_you_mean(str(protocol), _PROTOCOLS)}"
        )
    texts = (given,) if isinstance(given, str) else tuple(given)
    if not texts or not all(isinstance(each, str) for each in texts):
        raise FaultError("A fault needs the name of an operation, or a method and a path")
    return tuple(_parse(each.strip(), protocol) for each in texts)


def _parse(text: str, protocol: str | None) -> CallPattern:
    if " " in text or text.startswith("/"):
        return _parse_path(text, protocol)
    names = service_model.operation_names()
    operations = frozenset(each for each in names if fnmatchcase(each, text))
    if not operations:
        raise FaultError(f"ECR has no operation {text!r}{did_you_mean(text, names)}")
    routes = tuple(each for each in ROUTES if each.operation in operations)
    protocols = _PROTOCOLS if protocol is None else (protocol,)
    if protocols == (REGISTRY,) and not routes:
        raise FaultError(
            f"The registry protocol has no path for {text!r}; {text} is an operation of the API only"
        )
    return CallPattern(text, protocols, operations, routes)


def _parse_path(text: str, protocol: str | None) -> CallPattern:
    if len(text) > _LONGEST:
        raise FaultError(f"A path with wildcards has at most {_LONGEST} characters")
    method, _, path = text.rpartition(" ")
    method = method.strip().upper() or "*"
    if protocol == API:
        raise FaultError(f"{text!r} is a path of the registry, which the API does not have")
    if method not in ("*", *_METHODS):
        raise FaultError(f"There is no method {method!r}{did_you_mean(method, _METHODS)}")
    routes = tuple(
        each
        for each in ROUTES
        if method in ("*", each.method) or _LIKE.get(method) == each.method
        if _can_be(path, _tokens_of_template(each.template))
    )
    if not routes:
        labels = [each.label for each in ROUTES]
        raise FaultError(f"The registry has no path like {text!r}{did_you_mean(text, labels)}")
    operations = frozenset(each.operation for each in routes)
    return CallPattern(text, (REGISTRY,), operations, routes, method, path)


@cache
def _tokens_of_template(template: str) -> str:
    """Return a template as a pattern: `/v2/<name>/blobs/<digest>` is `/v2/?*/blobs/?+`."""
    return re.sub("<([a-z]+)>", lambda each: "?*" if each[1] == "name" else "?+", template)


def _can_be(pattern: str, other: str) -> bool:
    """Return True if there is a text that both match, a pattern of a user and that of a template."""

    @cache
    def meet(i: int, j: int) -> bool:
        a, b = pattern[i : i + 1], other[j : j + 1]
        if a == "*":
            return meet(i + 1, j) or (b != "" and meet(i, j + 1))
        if b in _ANY:
            return meet(i, j + 1) or (a not in _ANY[b] and meet(i + 1, j))
        if not a or not b:
            return a == b
        if a == "[":  # Any character of a set, whichever it has.
            return meet(pattern.find("]", i + 2) + 1 or i + 1, j + 1)
        return (a == b or "?" in (a, b)) and meet(i + 1, j + 1)

    return meet(0, 0)
