"""The time: of the test's clock, in AWS's formats, and in the header `Date` of responses."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any

from werkzeug.http import http_date


def now() -> float:
    """Return the seconds since the epoch by the process's clock, which freezegun and the like may have set."""
    return time.time()


def timestamp() -> float:
    """Return the time in the form of ECR's responses: seconds since the epoch, with milliseconds."""
    return round(now(), 3)


def text_of_time(at: float) -> str:
    """Return a time in UTC with milliseconds, in the form of events and stacks: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"


def date_header(request: Any) -> dict[str, str]:
    """Return the header `Date` of the response to `request`, or nothing if a WSGI server adds it.

    AWS's SDKs for JavaScript set their clock by it, and fail if it occurs twice.

    A server has its name in the environment (RFC 3875, 4.1.17, SERVER_SOFTWARE). In the process and in the proxy, moto
    makes an environment without that name, or passes a request of botocore.
    """
    if "SERVER_SOFTWARE" in getattr(request, "environ", {}):
        return {}
    return {"Date": http_date(now())}
