"""Processes: forks, programs and their children, limits of open files."""

from __future__ import annotations

import os
import shlex
import signal

# For bandit: the only program that runs here is part of the system, with a number as its argument.
import subprocess  # nosec B404
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .modules import module

_resource = module("resource")

HANGUP: int | None = getattr(signal, "SIGHUP", None)
"""The signal that the terminal of a process is closed, if the system has it."""


def _nothing() -> None:
    """Do nothing."""


def at_fork(
    before: Callable[[], Any] = _nothing,
    after_in_parent: Callable[[], Any] = _nothing,
    after_in_child: Callable[[], Any] = _nothing,
) -> None:
    """Register functions to call at each fork. Systems without forks never call them."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
        )


def kill_with_children(program: subprocess.Popen[bytes]) -> None:
    """Kill a program that leads a session, and its children."""
    if hasattr(os, "killpg") and hasattr(signal, "SIGKILL"):
        os.killpg(program.pid, signal.SIGKILL)
    else:
        taskkill = os.path.join(os.environ.get("SYSTEMROOT", ""), "System32", "taskkill.exe")
        with suppress(OSError):
            subprocess.run(  # nosec B603
                [taskkill, "/T", "/F", "/PID", str(program.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        program.kill()
    program.wait()


def readable_after(number: signal.Signals) -> int:
    """Return a descriptor that can be read once this signal has arrived, at whichever thread; with POSIX signals only.

    A handler in Python would run once the main thread returns from its system call, which only a signal to that thread
    interrupts.
    """
    reading, writing = os.pipe()
    set_blocking: Callable[[int, bool], None] = getattr(os, "set_blocking")  # noqa: B009
    set_blocking(writing, False)
    signal.set_wakeup_fd(writing)
    signal.signal(number, lambda number, frame: None)
    return reading


def words_of_command(text: str) -> list[str]:
    """Return the words of a command line, as a shell reads it; a backslash is part of a path on Windows."""
    reader = shlex.shlex(text, posix=True)
    reader.whitespace_split = True
    reader.commenters = ""
    if os.path.sep == "\\":
        reader.escape = ""
    return list(reader)


def most_open_files() -> int | None:
    """Return the number of files that the process may open, or None without a limit."""
    if _resource is None:
        return None
    soft: int = _resource.getrlimit(_resource.RLIMIT_NOFILE)[0]
    return None if soft == _resource.RLIM_INFINITY else soft


def allow_open_files(wanted: int) -> None:
    """Allow the process to open this many files, or as many as its limit permits, but never fewer than before."""
    soft = most_open_files()
    if soft is None:
        return
    hard = _resource.getrlimit(_resource.RLIMIT_NOFILE)[1]
    if hard != _resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        # macOS has a lower limit than the one that it reports.
        with suppress(OSError, ValueError):
            _resource.setrlimit(_resource.RLIMIT_NOFILE, (wanted, hard))
