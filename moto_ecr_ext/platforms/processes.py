"""Processes: forks, programs and what they have started, files that a process may open."""

from __future__ import annotations

import os
import shlex
import signal

# For bandit: the one program that is run here is of the system, and its argument a number.
import subprocess  # nosec B404
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from .modules import module

_resource = module("resource")


def _nothing() -> None:
    """Do nothing."""


def at_fork(
    before: Callable[[], Any] = _nothing,
    after_in_parent: Callable[[], Any] = _nothing,
    after_in_child: Callable[[], Any] = _nothing,
) -> None:
    """Call these functions whenever the process forks, which it does nowhere if it cannot."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
        )


def kill_with_children(program: subprocess.Popen[bytes]) -> None:
    """Kill a program that has a session of its own, and what it has started."""
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


def words_of_command(text: str) -> list[str]:
    """Return the words of a command line, as a shell reads it; a backslash is part of a path on Windows."""
    reader = shlex.shlex(text, posix=True)
    reader.whitespace_split = True
    reader.commenters = ""
    if os.path.sep == "\\":
        reader.escape = ""
    return list(reader)


def most_open_files() -> int | None:
    """Return how many files the process may open; None without a limit."""
    if _resource is None:
        return None
    soft: int = _resource.getrlimit(_resource.RLIMIT_NOFILE)[0]
    return None if soft == _resource.RLIM_INFINITY else soft


def allow_open_files(wanted: int) -> None:
    """Let the process open so many files, or as many as it is allowed to. It is never fewer than before."""
    soft = most_open_files()
    if soft is None:
        return
    hard = _resource.getrlimit(_resource.RLIMIT_NOFILE)[1]
    if hard != _resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        # macOS has a limit below the one that it names.
        with suppress(OSError, ValueError):
            _resource.setrlimit(_resource.RLIMIT_NOFILE, (wanted, hard))
