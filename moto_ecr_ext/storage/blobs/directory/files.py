"""What the directory store asks of a file system beyond Python's library: exclusive files, synced names."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from uuid import uuid4

from moto_ecr_ext.platforms import files as platform
from moto_ecr_ext.storage.blobs.blob import CHUNK

# What link(2) fails with on file systems where a file has one name only.
_NO_SECOND_NAME = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


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
        platform.flush(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def sync_directory(path: str) -> None:
    """Put the names in a directory on disk. Syncing a file does not do that (fsync(2)). Raises SyncFailed.

    Nothing where a directory cannot be opened: that is left to the file system then.
    """
    descriptor = platform.open_directory(path)
    if descriptor is None:
        return
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
        if os.path.isdir(above) or above == path:
            raise  # Such as /proc, in which nobody can make anything, and a drive that is not there.
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
    return os.open(path, flags | platform.BINARY, 0o600)


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
    piece = platform.read_at(descriptor, min(CHUNK, stop - start), start)
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
    spare = spare_beside(path)
    try:
        copy, _ = _open_exclusively(spare)
        try:
            at = 0
            while at < status.st_size:
                at += os.write(copy, piece_of(descriptor, at, status.st_size))
            if platform.POSIX_FILES:
                os.replace(spare, path)
                return copy, os.fstat(copy)
        except BaseException:
            os.close(copy)
            remove(spare)
            raise
        os.close(copy)
    finally:
        os.close(descriptor)
    # Neither file may be open now. Nobody else comes in between: the process is alone, and this thread has its turn.
    try:
        os.replace(spare, path)
    except BaseException:
        remove(spare)
        raise
    return _open_exclusively(path)


def _open_exclusively(path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor that appends to the file at `path`, made if need be, once nobody else has it.

    The lock counts in this process and in all others that share the directory.
    """
    while True:
        descriptor = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        try:
            platform.lock(descriptor)
            status = os.fstat(descriptor)
            if is_at(path, status):
                return descriptor, status
        except BaseException:
            os.close(descriptor)
            raise
        # While this one waited, the file was cancelled or became a blob.
        os.close(descriptor)
