"""Python as it is on Windows or macOS, as far as Linux can show it: without what CPython lacks there.

Python imports this when it starts, by its name, from PYTHONPATH: in the process of the tests and in servers that they
start. SIMULATED_PLATFORM is `windows` or `macos`; `windows.txt` and `macos.txt` list the names that go, which are those
that typeshed has for Linux and not for that platform. They go for the package, for moto and for the tests. Python's own
library and other libraries keep them: they go by `sys.platform`, which stays as it is. Modules go for all.

On Windows there is `msvcrt.locking` instead, and the package cannot remove or rename an open file.
"""

from __future__ import annotations

import asyncio  # noqa: F401  It asks for modules that go.
import errno
import getpass  # noqa: F401  It takes `msvcrt` for Windows.
import multiprocessing.util  # noqa: F401
import os
import struct
import subprocess  # noqa: F401
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from types import FrameType
from typing import Any

# As `Any`: these are for Linux, whichever platform mypy checks.
_os: Any = os
_fcntl: Any = import_module("fcntl")

_PACKAGE = "moto_ecr_ext"
_WITHOUT = {_PACKAGE, "moto", "support", "tests"}

_MODULES_OF_POSIX = (
    "_curses",
    "crypt",
    "curses",
    "fcntl",
    "grp",
    "nis",
    "pty",
    "pwd",
    "readline",
    "resource",
    "spwd",
    "syslog",
    "termios",
    "tty",
)


def _top(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


def _hide(module: Any, names: list[str]) -> None:
    """Let a module have these names no more, for those that do without."""
    kept = {name: vars(module)[name] for name in names if name in vars(module)}
    for name in kept:
        delattr(module, name)

    def find(name: str) -> Any:
        if name in kept and _top(sys._getframe(1)) not in _WITHOUT:
            return kept[name]
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = find


def _replace(name: str, check: Callable[..., None]) -> None:
    """Have a function of `os` check its arguments first, whenever the package calls it."""
    original = getattr(os, name)

    def call(*arguments: Any, **options: Any) -> Any:
        if _top(sys._getframe(1)) == _PACKAGE:
            check(*arguments, **options)
        return original(*arguments, **options)

    setattr(os, name, call)


def _be_windows() -> None:
    msvcrt: Any = module_from_spec(ModuleSpec("msvcrt", None))
    msvcrt.LK_UNLCK, msvcrt.LK_LOCK, msvcrt.LK_NBLCK = 0, 1, 2
    msvcrt.locking = _locking
    sys.modules["msvcrt"] = msvcrt
    for name in _MODULES_OF_POSIX:
        sys.modules[name] = None  # type: ignore[assignment]
    _os.O_BINARY = 0x8000
    _replace("unlink", lambda path: _check_closed(path))
    _replace("rename", lambda path, to: _check_closed(path, to))
    _replace("replace", lambda path, to: _check_closed(path, to))
    _replace("open", _check_open)
    _replace("fsync", _check_sync)


def _locking(descriptor: int, mode: int, size: int) -> None:
    """Lock or unlock bytes from the position on, against all other descriptors.

    https://learn.microsoft.com/cpp/c-runtime-library/reference/locking
    """
    assert mode in (0, 2), "LK_LOCK gives up after ten seconds"
    kind = _fcntl.F_UNLCK if mode == 0 else _fcntl.F_WRLCK
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    request = struct.pack("hhqqi4x", kind, os.SEEK_SET, position, size, 0)
    # Of a descriptor, where F_SETLK would be of the process.
    try:
        _fcntl.fcntl(descriptor, _fcntl.F_OFD_SETLK, request)
    except BlockingIOError:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None


def _check_closed(*paths: Any) -> None:
    for path in paths:
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue
        # Processes of the package have this one file in common.
        processes = "*" if os.path.basename(path) == "lock" else "self"
        for descriptor in Path("/proc").glob(f"{processes}/fd/*"):
            try:
                is_open = os.path.samestat(status, os.stat(descriptor))
            except OSError:
                continue
            if is_open:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _check_open(path: Any, flags: int, *mode: int) -> None:
    assert flags & 0x8000, f"{path} is opened as text"
    if os.path.isdir(path):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def _check_sync(descriptor: int) -> None:
    if _fcntl.fcntl(descriptor, _fcntl.F_GETFL) & _os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _be_macos() -> None:
    original = _fcntl.fcntl

    def call(descriptor: Any, command: int, *argument: Any) -> Any:
        if command == _fcntl.F_FULLFSYNC:
            return os.fsync(descriptor)
        return original(descriptor, command, *argument)

    _fcntl.F_FULLFSYNC = 51
    _fcntl.fcntl = call


def _simulate(platform: str) -> None:
    text = Path(__file__).with_name(f"{platform}.txt").read_text(encoding="ascii")
    lacking = [line.split() for line in text.splitlines()]
    {"windows": _be_windows, "macos": _be_macos}[platform]()
    for name, *names in lacking:
        _hide(import_module(name), names)


if "SIMULATED_PLATFORM" in os.environ:
    _simulate(os.environ["SIMULATED_PLATFORM"])
