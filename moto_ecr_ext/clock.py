"""The time: by the clock of the test, and as AWS writes it."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def now() -> float:
    """Return the seconds since the epoch by the clock of the process, which freezegun and the like may have set."""
    return time.time()


def text_of_time(at: float) -> str:
    """Return a time in UTC with milliseconds, as events and stacks have it: `2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")[:-6] + "Z"
