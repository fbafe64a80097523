"""What the directory store asks of a file system beyond Python's library: exclusive files, synced names."""

from __future__ import annotations

import errno
import fcntl
import os
import sys
from contextlib import suppress
from uuid import uuid4

from moto_ecr_ext.storage.blobs.blob import CHUNK

# What link(2) fails with on file systems where a file has one name only.
_NO_SECOND_NAME = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class SyncFailed(OSError):
    """What was to be put on disk may not be there, and a second try would not tell.

    Linux takes pages that it could not write for written, so that the next fsync succeeds without them, also that of
    another process (https://wiki.postgresql.org/wiki/Fsync_Errors).
    """


FileState = tuple[int, int, int]


def file_state(status: os.stat_result) -> FileState:
    """Return what tells a file from itself after a change, also from another file in its place.

    The time tells a file that another process cut and wrote to the same size again. A new name does not
    change it.
    """
    return status.st_ino, status.st_size, status.st_mtime_ns


def sync(descriptor: int) -> None:
    """Put a file or a directory on disk. Raises SyncFailed."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def forget_pages(descriptor: int) -> None:
    """Have a file read from disk instead of from memory, as far as the system can do that."""
    if sys.platform == "linux":
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def sync_directory(path: str) -> None:
    """Put the names in a directory on disk. Syncing a file does not do that (fsync(2)). Raises SyncFailed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Make a directory and those above it, all of it on disk."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    except FileNotFoundError:
        above = os.path.dirname(path)
        if os.path.isdir(above):
            raise  # Such as /proc, in which nobody can make anything.
        make_directories(above)
        make_directories(path)
        return
    try:
        sync_directory(os.path.dirname(path))
    except SyncFailed:
        # A directory that is there would not be synced by the next try.
        with suppress(OSError):
            os.rmdir(path)
        raise


def open_private(path: str, flags: int) -> int:
    """Open a file that only its owner may read and write; an `opener` of `open`."""
    return os.open(path, flags, 0o600)


def names_in(path: str) -> list[str]:
    """Return the names in a directory, none if it is not there."""
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def remove(path: str) -> None:
    """Remove a file, if it exists."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def give_name(path: str, name: str) -> None:
    """Give a file a second name, or a new one where it can have one only. Raises FileExistsError."""
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _NO_SECOND_NAME:
            raise
        os.replace(path, name)


def is_at(path: str, status: os.stat_result) -> bool:
    """Return whether an open file of this status still is the one at `path`."""
    try:
        return os.path.samestat(os.stat(path), status)
    except FileNotFoundError:
        return False


def spare_beside(path: str) -> str:
    """Return a new path in the directory of an upload: one of an upload, so that the next start removes it."""
    return os.path.join(os.path.dirname(path), str(uuid4()))


def piece_of(descriptor: int, start: int, stop: int) -> bytes:
    """Return bytes from `start` on, at least one and at most `CHUNK`, of a file that has `stop` bytes."""
    piece = os.pread(descriptor, min(CHUNK, stop - start), start)
    if not piece:
        raise OSError(errno.EIO, f"file ends at byte {start}, before {stop}")
    return piece


def open_alone(path: str) -> tuple[int, os.stat_result]:
    """As `_open_exclusively`, with a copy in the place of a file that is a blob, too.

    That is what is left when an upload was committed and then something else went wrong. Bytes that
    are written from now on must not become part of that blob.
    """
    descriptor, status = _open_exclusively(path)
    if status.st_nlink == 1:
        return descriptor, status
    try:
        spare = spare_beside(path)
        copy, _ = _open_exclusively(spare)
        try:
            at = 0
            while at < status.st_size:
                at += os.write(copy, piece_of(descriptor, at, status.st_size))
            os.replace(spare, path)
        except BaseException:
            remove(spare)
            os.close(copy)
            raise
    finally:
        os.close(descriptor)
    return copy, os.fstat(copy)


def _open_exclusively(path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor that appends to the file at `path`, made if need be, once nobody else has it.

    The lock counts in this process and in all others that share the directory.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            status = os.fstat(descriptor)
            if is_at(path, status):
                return descriptor, status
        except BaseException:
            os.close(descriptor)
            raise
        # While this one waited, the file was cancelled or became a blob.
        os.close(descriptor)
