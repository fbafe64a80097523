"""Waiting for what another thread or process does, of which nothing tells this one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

# Seconds. Nothing takes that long unless it fails.
PATIENCE = 180.0

_Answer = TypeVar("_Answer")


def wait_until(ask: Callable[[], _Answer]) -> _Answer:
    """Ask again and again, and return the first answer that is not empty. Fails after a long time without one."""
    end = time.monotonic() + PATIENCE
    while not (answer := ask()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return answer
