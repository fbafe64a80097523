"""The time: by the clock of the test, as AWS writes it, and as the header `Date` of answers."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from werkzeug.http import http_date


def now() -> float:
    """Return the seconds since the epoch by the clock of the process, which freezegun and the like may have set."""
    return time.time()


def timestamp() -> float:
    """Return the time as ECR's answers have it: seconds since the epoch, with milliseconds."""
    return round(now(), 3)


def text_of_time(at: float) -> str:
    """Return a time in UTC with milliseconds, as events and stacks have it: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def date_header(request: Any) -> dict[str, str]:
    """Return the header `Date` of the answer to `request`, or nothing if a WSGI server adds it.

    AWS's SDKs for JavaScript set their clock by it, and fail on two.

    A server names itself in the environment (RFC 3875, 4.1.17, SERVER_SOFTWARE). In the process and
    in the proxy, moto makes an environment without that name, or passes a request of botocore.
    """
    if "SERVER_SOFTWARE" in getattr(request, "environ", {}):
        return {}
    return {"Date": http_date(now())}
