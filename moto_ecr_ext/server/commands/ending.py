"""The end of the commands: after the first signal, requests under way finish; the second signal ends the process."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from moto_ecr_ext.platforms.processes import HANGUP

log = logging.getLogger("moto_ecr_ext")

_SIGNALS: list[int] = [signal.SIGINT, signal.SIGTERM]
# nohup has it ignored.
if HANGUP is not None and signal.getsignal(HANGUP) is not signal.SIG_IGN:
    _SIGNALS.append(HANGUP)
# What shells make of an end by SIGINT.
_INTERRUPTED = 128 + signal.SIGINT
# Seconds in which a second signal counts as the first: `timeout`, terminals and others signal both a process
# and its group.
_SAME = 0.2


def end_by_signals() -> None:
    """Exit with status 0 at the first signal to end, once requests have finished, and at once at the second.

    The signals are SIGINT, SIGTERM, and SIGHUP unless it is ignored.
    Outside the main thread, as with moto's `--reload`, moto's own handling stays.
    """
    with suppress(ValueError):
        for number in _SIGNALS:
            signal.signal(number, _leave)


@contextmanager
def interruptible() -> Iterator[None]:
    """End the process with one line if Ctrl-C ends this block: the start of a server, or work without one."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        print("Interrupted.", *interrupt.args, file=sys.stderr)
        sys.exit(_INTERRUPTED)


@contextmanager
def logging_its_end() -> Iterator[None]:
    """Log that the server in this block has stopped, unless an error or a wrong flag ended it."""
    try:
        yield
    except SystemExit as end:
        if end.code == 0:
            log.info("Stopped.")
        raise
    log.info("Stopped.")


def _leave(number: int, frame: FrameType | None) -> None:
    began = time.monotonic()

    def end_at_once(number: int, frame: FrameType | None) -> None:
        if time.monotonic() - began >= _SAME:
            # Committed calls are on disk, and unfinished ones leave no trace but in the log.
            for handler in logging.getLogger().handlers:
                handler.flush()
            os._exit(0)

    for each in _SIGNALS:
        signal.signal(each, end_at_once)
    sys.exit(0)
