"""Files: locks, reads at a position, flushes, maps."""

from __future__ import annotations

import errno
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any

from .modules import module

_fcntl = module("fcntl")
_msvcrt = module("msvcrt")

POSIX_FILES: bool = _fcntl is not None
"""True if processes can lock a file in turn, and an open file can be renamed or removed."""

FULL_FLUSH: int | None = getattr(_fcntl, "F_FULLFSYNC", None)
"""The command of fcntl that flushes the disk's own cache; None if fsync does that."""

BINARY: int = getattr(os, "O_BINARY", 0)
"""The flag of `os.open` for unchanged bytes. Windows changes line ends without it."""

_DONTNEED: int = getattr(os, "POSIX_FADV_DONTNEED", 0)
_PROT_READ: int = getattr(mmap, "PROT_READ", 0)
_MAP_SHARED: Any = (
    mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0) if hasattr(mmap, "MAP_SHARED") else None
)

# Errors of F_FULLFSYNC on file systems that lack it, such as network file systems.
_NO_FULL_FLUSH = (errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOTTY)

# The lock file of a directory, for systems on which a directory cannot be opened, and the length of its lock.
_LOCK_FILE = "lock"
_TURN_BYTE = 0
_ALONE_BYTE = 1
# Seconds between two tries. Windows can wait itself, but gives up after ten seconds.
_RETRY = 0.05


class DirectoryUnusable(OSError):
    """The error of a directory that cannot be used for files here. The message says why."""


def open_directory(path: str | os.PathLike[str]) -> int | None:
    """Return a descriptor of a directory, or None if directories cannot be opened."""
    if hasattr(os, "O_DIRECTORY"):
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    return None


def flush(descriptor: int) -> None:
    """Flush a file or a directory to disk, including the disk's own cache.

    https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/fsync.2.html
    """
    if FULL_FLUSH is not None:
        try:
            _fcntl.fcntl(descriptor, FULL_FLUSH)
            return
        except OSError as error:
            if error.errno not in _NO_FULL_FLUSH:
                raise
    os.fsync(descriptor)


def flush_content(descriptor: int) -> None:
    """Flush the content and size of a file. Its times may follow later, which saves a write."""
    if FULL_FLUSH is None and hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        flush(descriptor)


def forget_pages(descriptor: int, start: int = 0, length: int = 0) -> None:
    """Drop clean pages of a part of a file, or of all of it, from memory, if the system supports that."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, start, length, _DONTNEED)


# A lock for all files: without `os.pread`, `read_at` is two calls, between which no other thread may move the
# position.
_position = Lock()


def _seek_and_read(descriptor: int, size: int, start: int) -> bytes:
    with _position:
        os.lseek(descriptor, start, os.SEEK_SET)
        return os.read(descriptor, size)


def _read_and_copy(descriptor: int, buffers: list[memoryview], start: int) -> int:
    [buffer] = buffers
    content = read_at(descriptor, len(buffer), start)
    buffer[: len(content)] = content
    return len(content)


read_at: Callable[[int, int, int], bytes] = os.pread if hasattr(os, "pread") else _seek_and_read
"""`read_at(descriptor, size, start)` returns at most `size` bytes from `start` on, whatever other threads read."""

read_into_at: Callable[[int, Any, int], int] = (
    os.preadv if hasattr(os, "preadv") else _read_and_copy
)
"""`read_into_at(descriptor, [buffer], start)` reads like `read_at` into a buffer, and returns the number of bytes."""


def map_file(descriptor: int, length: int, start: int) -> mmap.mmap:
    """Return a map of a part of a file for reading, with its pages loaded if the system supports that."""
    if _MAP_SHARED is not None:
        return mmap.mmap(descriptor, length, _MAP_SHARED, _PROT_READ, offset=start)
    return mmap.mmap(descriptor, length, access=mmap.ACCESS_READ, offset=start)


def lock(descriptor: int) -> None:
    """Take the lock of the file, once no other descriptor has it.

    Do nothing without POSIX_FILES: a process has its directory alone then (`directory_alone`), and its threads take
    turns.
    """
    if _fcntl is not None:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX)


def unlock(descriptor: int) -> None:
    """Release the lock. Closing would not release it while a forked child has the file open."""
    if _fcntl is not None:
        _fcntl.flock(descriptor, _fcntl.LOCK_UN)


@contextmanager
def directory_turn(path: str | os.PathLike[str]) -> Iterator[None]:
    """Exclude other processes from this block for the same directory. Raises DirectoryUnusable."""
    descriptor = open_directory(path) if POSIX_FILES else None
    if descriptor is None:
        with _LockFile(path, _TURN_BYTE) as file:
            while not file.try_to_lock():
                time.sleep(_RETRY)
            yield
        return
    try:
        lock(descriptor)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def directory_alone(path: str | os.PathLike[str]) -> Iterator[None]:
    """Reserve a directory for this process. Raises DirectoryUnusable.

    Do nothing with POSIX_FILES: processes share a directory, and lock its files.
    """
    if POSIX_FILES:
        yield
        return
    with _LockFile(path, _ALONE_BYTE) as file:
        if not file.try_to_lock():
            raise DirectoryUnusable(
                f"{os.fspath(path)} is in use: only one process at a time can use it on this platform."
            )
        yield


class _LockFile:
    """A byte of a directory's lock file; a context manager that unlocks it and removes the file at the end.

    The byte need not exist, and nobody reads it: Windows refuses reads of locked bytes.
    """

    def __init__(self, directory: str | os.PathLike[str], position: int) -> None:
        if _msvcrt is None:
            raise DirectoryUnusable(
                f"{os.fspath(directory)} cannot be used: this Python has no locks of files."
            )
        self._position = position
        self._path = os.path.join(directory, _LOCK_FILE)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | BINARY, 0o600)
        self._is_locked = False

    def try_to_lock(self) -> bool:
        """Lock the byte against all other descriptors. Return False if that is impossible now."""
        with suppress(PermissionError):
            self._change(_msvcrt.LK_NBLCK)
            self._is_locked = True
        return self._is_locked

    def __enter__(self) -> _LockFile:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._is_locked:
                # The system does so, too, when the file is closed, but later.
                self._change(_msvcrt.LK_UNLCK)
        finally:
            os.close(self._descriptor)
        # It stays while another process has it open.
        with suppress(OSError):
            os.unlink(self._path)

    def _change(self, mode: int) -> None:
        os.lseek(self._descriptor, self._position, os.SEEK_SET)
        _msvcrt.locking(self._descriptor, mode, 1)
