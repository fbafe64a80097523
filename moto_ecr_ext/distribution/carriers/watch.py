"""The watch of a server over its answered requests: lines of the log, counts, and the last requests.

A server has a `Watch` or None as its attribute `watch`.
"""

from __future__ import annotations

import logging
from collections import deque
from time import perf_counter, time
from urllib.parse import quote

from moto_ecr_ext.caller import Exchange

from .tally import Tally

log = logging.getLogger("moto_ecr_ext.requests")

# Digits of a digest in a line of text.
_DIGITS = 12
_REMEMBERED = 200
# Characters of a reason, in a line of text.
_LONGEST_REASON = 400
# Clients look for missing blobs before they push, and make requests without credentials before they log in.
_USUAL = frozenset((401, 404))
# Health checks and scrapes come all the time.
_PROBES = frozenset(("/moto-api/ecr/health", "/moto-api/ecr/metrics"))


class Watch:
    """The requests that a server has answered since its start. `recent` are the last ones."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.recent: deque[Exchange] = deque(maxlen=_REMEMBERED)

    def record(self, exchange: Exchange) -> None:
        """Record a request that has just been answered."""
        exchange.seconds = perf_counter() - exchange.began
        self.tally.add(exchange)
        self.recent.append(exchange)
        level = _level(exchange)
        if log.isEnabledFor(level):
            # `log.log` would look for its caller.
            log.handle(_Record(level, AnsweredRequest(exchange)))


class AnsweredRequest:
    """The message of a log record: an answered request."""

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def __str__(self) -> str:
        """Return one line of printable characters."""
        each = self.exchange
        words = (
            each.service,
            each.name or f"{_in_a_line(each.method)} {_in_a_line(each.path)}",
            each.repository if each.name else "",  # The path contains it.
            str(each.status),
            f"{each.seconds * 1000:.0f}ms",
            each.digest[: each.digest.find(":") + 1 + _DIGITS],
            each.account_id,
            each.region,
            each.request_id,
            f"({_printable(each.reason)})" if each.reason and each.status not in _USUAL else "",
        )
        return " ".join(filter(None, words))

    def members(self) -> dict[str, str | int | float]:
        """Return the known facts, by name."""
        each = self.exchange
        known: dict[str, str | int | float] = {
            "service": each.service or ("" if each.kind == "other" else "ecr"),
            "operation": each.name or each.kind,
            "method": each.method,
            "path": each.path,
            "repository": each.repository,
            "status": each.status,
            "duration_ms": round(each.seconds * 1000, 3),
            "digest": each.digest,
            "account": each.account_id,
            "region": each.region,
            "request_id": each.request_id,
            "reason": each.reason,
            "received": each.received,
            "sent": each.sent,
        }
        return {name: value for name, value in known.items() if value != ""}


# What all records of requests have in common.
_COMMON = {
    **vars(logging.LogRecord(log.name, logging.INFO, __file__, 0, "", (), None)),
    **dict.fromkeys(("thread", "threadName", "taskName")),
}


class _Record(logging.LogRecord):
    """The record of an answered request, made without the questions that `logging` asks for each: which thread, ..."""

    def __init__(self, level: int, request: AnsweredRequest) -> None:
        created = time()
        self.__dict__ = {
            **_COMMON,
            "levelno": level,
            "levelname": logging.getLevelName(level),
            "msg": request,
            "created": created,
            "msecs": created % 1 * 1000,
            "relativeCreated": 0.0,
        }


def _in_a_line(text: str) -> str:
    """Return a method or a path without whitespace and control characters."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return quote(text, safe="/:@%+,;=!$&'()*~")


def _printable(text: str) -> str:
    """Return the beginning of a text, in one line and without control characters."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST_REASON])


def _level(exchange: Exchange) -> int:
    if exchange.status >= 500:
        return logging.ERROR
    if exchange.status >= 400 and exchange.status not in _USUAL:
        return logging.WARNING
    return logging.DEBUG if exchange.path in _PROBES else logging.INFO
