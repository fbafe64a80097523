"""What a server tells of the requests that it has answered: a line of the log, counts, and the last ones.

A server has a `Watch` as its attribute `watch`, or none.
"""

from __future__ import annotations

import logging
from collections import deque
from time import perf_counter
from urllib.parse import quote

from moto_ecr_ext.caller import Exchange

from .tally import Tally

log = logging.getLogger("moto_ecr_ext.requests")

# Digits of a digest in a line of text.
_DIGITS = 12
_REMEMBERED = 200
# Clients ask for what may not be there before they push, and without credentials before they log in.
_USUAL = frozenset((401, 404))
# What others ask all the time whether the server is well.
_PROBES = frozenset(("/moto-api/ecr/health", "/moto-api/ecr/metrics"))


class Watch:
    """The requests that a server has answered since it began. `recent` are the last ones."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.recent: deque[Exchange] = deque(maxlen=_REMEMBERED)

    def record(self, exchange: Exchange) -> None:
        """Note a request that is answered now."""
        exchange.seconds = perf_counter() - exchange.began
        self.tally.add(exchange)
        self.recent.append(exchange)
        level = _level(exchange)
        if log.isEnabledFor(level):
            # Not by `log.log`, which would look for its caller. The text is made when a handler wants it.
            log.handle(
                logging.LogRecord(log.name, level, __file__, 0, AnsweredRequest(exchange), (), None)
            )


class AnsweredRequest:
    """The message of a log record: a request that was answered."""

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def __str__(self) -> str:
        """Return one line of printable characters."""
        each = self.exchange
        words = (
            each.service,
            each.name or f"{each.method} {_in_a_line(each.path)}",
            each.repository if each.name else "",  # It is in the path.
            str(each.status),
            f"{each.seconds * 1000:.0f}ms",
            each.digest[: each.digest.find(":") + 1 + _DIGITS],
            each.account_id,
            each.region,
            each.request_id,
        )
        return " ".join(filter(None, words))

    def members(self) -> dict[str, str | int | float]:
        """Return what is known, by name."""
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
            "received": each.received,
            "sent": each.sent,
        }
        return {name: value for name, value in known.items() if value != ""}


def _in_a_line(path: str) -> str:
    """Return a path without whitespace and control characters."""
    if path.isascii() and path.isprintable() and " " not in path:
        return path
    return quote(path, safe="/:@%+,;=!$&'()*~")


def _level(exchange: Exchange) -> int:
    if exchange.status >= 500:
        return logging.ERROR
    if exchange.status >= 400 and exchange.status not in _USUAL:
        return logging.WARNING
    return logging.DEBUG if exchange.path in _PROBES else logging.INFO
