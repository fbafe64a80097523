"""The line of an answered request in the log of a server."""

from __future__ import annotations

import logging
from urllib.parse import quote

from moto_ecr_ext.calls import REGISTRY, CallRecord

log = logging.getLogger("moto_ecr_ext.requests")

# Digits of a digest in a line of text.
_DIGITS = 12
# Characters of a reason, in a line of text.
_LONGEST_REASON = 400
# Clients look for missing blobs before they push, and make requests without credentials before they log in.
_USUAL = frozenset((401, 404))
# Health checks and scrapes come all the time.
_PROBES = frozenset(("/moto-api/ecr/health", "/moto-api/ecr/metrics"))


def log_request(call: CallRecord) -> None:
    """Log a request that has been answered."""
    level = _level(call)
    if log.isEnabledFor(level):
        # `log.log` would look for its caller.
        log.handle(log.makeRecord(log.name, level, "", 0, AnsweredRequest(call), (), None))


class AnsweredRequest:
    """The message of a log record: an answered request."""

    __slots__ = ("call",)

    def __init__(self, call: CallRecord) -> None:
        self.call = call

    def __str__(self) -> str:
        """Return one line of printable characters."""
        each = self.call
        name = "" if each.protocol == REGISTRY else each.operation
        words = (
            each.service if each.kind == "other" else "",
            name or f"{_in_a_line(each.method)} {_in_a_line(each.path)}",
            each.repository if name else "",  # The path contains it.
            str(each.status),
            f"{each.seconds * 1000:.0f}ms",
            each.digest[: each.digest.find(":") + 1 + _DIGITS],
            each.registry_id,
            each.region,
            each.request_id,
            f"({_printable(each.reason)})" if each.reason and each.status not in _USUAL else "",
        )
        return " ".join(filter(None, words))

    def members(self) -> dict[str, str | int | float]:
        """Return the known facts, by name."""
        each = self.call
        known: dict[str, str | int | float] = {
            "service": each.service or ("" if each.kind == "other" else "ecr"),
            "operation": each.kind if each.protocol == REGISTRY else each.operation or each.kind,
            "method": each.method,
            "path": each.path,
            "repository": each.repository,
            "status": each.status,
            "duration_ms": round(each.seconds * 1000, 3),
            "digest": each.digest,
            "account": each.registry_id,
            "region": each.region,
            "request_id": each.request_id,
            "reason": each.reason,
            "received": each.received,
            "sent": each.sent,
        }
        return {name: value for name, value in known.items() if value != ""}


def _in_a_line(text: str) -> str:
    """Return a method or a path without whitespace and control characters."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return quote(text, safe="/:@%+,;=!$&'()*~")


def _printable(text: str) -> str:
    """Return the beginning of a text, in one line and without control characters."""
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST_REASON])


def _level(call: CallRecord) -> int:
    if call.status >= 500:
        return logging.ERROR
    if call.status >= 400 and call.status not in _USUAL:
        return logging.WARNING
    return logging.DEBUG if call.path in _PROBES else logging.INFO
