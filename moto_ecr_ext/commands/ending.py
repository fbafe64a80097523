"""How the commands end: a signal lets requests under way finish, a second one does not."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Seconds in which a signal is the first one once more: `timeout`, a terminal and others send it to a process and to its
# group.
_SAME = 0.2


def end_by_signals() -> None:
    """Have the first SIGINT or SIGTERM leave the server with exit status 0, and the second end the process at once.

    Outside of the main thread, as with moto's `--reload`, moto's own way stays.
    """
    with suppress(ValueError):
        for number in _SIGNALS:
            signal.signal(number, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    began = time.monotonic()

    def end_at_once(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - began >= _SAME:
            # What is committed is on disk, and what is not leaves no trace.
            os._exit(0)

    for each in _SIGNALS:
        signal.signal(each, end_at_once)
    sys.exit(0)
