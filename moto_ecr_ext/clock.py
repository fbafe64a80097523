"""The time: of the test's clock, in AWS's formats, and in the header `Date` of responses."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import Any

from werkzeug.http import http_date

from .process import came_to_a_server

# A date, or a date and a time (RFC 3339, 5.6, and https://www.w3.org/TR/NOTE-datetime).
_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"([Tt ](?P<minute>[0-9]{2}:[0-9]{2})(?P<second>:[0-9]{2}([.,](?P<fraction>[0-9]+))?)?"
    r"(?P<zone>[Zz]|[+-][0-9]{2}:[0-9]{2})?)?"
)


def now() -> float:
    """Return the seconds since the epoch by the process's clock, which freezegun and the like may have set."""
    return time.time()


def timestamp() -> float:
    """Return the time in the form of ECR's responses: seconds since the epoch, with milliseconds."""
    return round(now(), 3)


def text_of_time(at: float) -> str:
    """Return a time in UTC with milliseconds, in the form of events and stacks: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def spoken_time(at: float) -> str:
    """Return a time in UTC in the form of Amazon Inspector's events: `Dec 3, 2021, 6:02:30 PM`."""
    time = datetime.fromtimestamp(at, timezone.utc)
    day = f"{_MONTHS[time.month - 1]} {time.day}, {time.year}"
    return f"{day}, {time.hour % 12 or 12}:{time:%M:%S} {'AM' if time.hour < 12 else 'PM'}"


def time_of_text(text: str, default_zone: str | None = "Z") -> float:
    """Return a time in seconds since the epoch. A text without a zone has the default one.

    A fraction of a second may have any number of digits: programs in Go write nanoseconds. Raises ValueError for
    another form, for a time that does not exist, and for a text without a zone if there is no default.
    """
    # `datetime.fromisoformat` of Python 3.10 requires fractions of three or six digits, and does not accept Z.
    found = _TIME.fullmatch(text)
    zone = (found and found["zone"]) or default_zone
    if found is None or zone is None:
        raise ValueError(f"not a time: {text[:100]!r}")
    second = (found["second"] or ":00")[:3]
    fraction = (found["fraction"] or "")[:6].ljust(6, "0")
    offset = zone.upper().replace("Z", "+00:00")
    whole = f"{found['date']}T{found['minute'] or '00:00'}{second}.{fraction}{offset}"
    return datetime.fromisoformat(whole).timestamp()


def date_header(request: Any) -> dict[str, str]:
    """Return the header `Date` of the response to `request`, or nothing if a WSGI server adds it.

    AWS's SDKs for JavaScript set their clock by it, and fail if it occurs twice.
    """
    return {} if came_to_a_server(request) else {"Date": http_date(now())}
