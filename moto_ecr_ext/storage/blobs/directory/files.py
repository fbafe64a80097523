"""File operations of the directory store: exclusive files, synced names."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from uuid import uuid4

from moto_ecr_ext.platforms import files as platform
from moto_ecr_ext.storage.blobs.blob import CHUNK

# Errors of link(2) on file systems without second names for a file.
_NO_SECOND_NAME = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)


class SyncFailed(OSError):
    """Data may not have reached the disk, and a second sync would not reveal it.

    Linux marks pages as clean even if writing them has failed, so that the next fsync succeeds without them, even in
    another process (https://wiki.postgresql.org/wiki/Fsync_Errors).
    """


FileState = tuple[int, int, int]


def file_state(status: os.stat_result) -> FileState:
    """Return values that change with a file's content, and differ between files.

    The time reveals a file that another process has cut and written to the same size again. A new name does not change
    the state.
    """
    return status.st_ino, status.st_size, status.st_mtime_ns


def sync(descriptor: int) -> None:
    """Flush a file or a directory to disk. Raises SyncFailed."""
    try:
        platform.flush(descriptor)
    except OSError as error:
        raise SyncFailed(error.errno, error.strerror) from error


def sync_directory(path: str) -> None:
    """Flush the names in a directory to disk. Syncing a file does not do that (fsync(2)). Raises SyncFailed.

    Do nothing if a directory cannot be opened: the file system is responsible then.
    """
    descriptor = platform.open_directory(path)
    if descriptor is None:
        return
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Create a directory and its missing parents, and flush them to disk."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    except FileNotFoundError:
        above = os.path.dirname(path)
        if os.path.isdir(above) or above == path:
            raise  # For example in /proc, which is read-only, or on a missing drive.
        make_directories(above)
        make_directories(path)
        return
    try:
        sync_directory(os.path.dirname(path))
    except SyncFailed:
        # The next try would not sync an existing directory.
        with suppress(OSError):
            os.rmdir(path)
        raise


def open_private(path: str, flags: int) -> int:
    """Open a file that only its owner may read and write; an `opener` for `open`."""
    return os.open(path, flags | platform.BINARY, 0o600)


def names_in(path: str) -> list[str]:
    """Return the names in a directory; an empty list if it does not exist."""
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
    """Give a file a second name, or move it if it can have only one. Raises FileExistsError."""
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _NO_SECOND_NAME:
            raise
        os.replace(path, name)


def is_at(path: str, status: os.stat_result) -> bool:
    """Return True if an open file of this status still is the one at `path`."""
    try:
        return os.path.samestat(os.stat(path), status)
    except FileNotFoundError:
        return False


def spare_beside(path: str) -> str:
    """Return a new path for a spare file beside an upload.

    It looks like an upload, so that the next start removes it.
    """
    return os.path.join(os.path.dirname(path), str(uuid4()))


def piece_of(descriptor: int, start: int, stop: int) -> bytes:
    """Return at least one and at most `CHUNK` bytes from `start` on, of a file that has `stop` bytes."""
    piece = platform.read_at(descriptor, min(CHUNK, stop - start), start)
    if not piece:
        raise OSError(errno.EIO, f"file ends at byte {start}, before {stop}")
    return piece


def open_alone(path: str) -> tuple[int, os.stat_result]:
    """Open as `_open_exclusively` does, but replace a file that is a blob with a copy.

    Such a file remains if an error follows the commit of an upload. Bytes that are written from now on must not become
    part of that blob.
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
    # Both files must be closed now. Nothing comes in between: the process is alone, and this thread has the turn.
    try:
        os.replace(spare, path)
    except BaseException:
        remove(spare)
        raise
    return _open_exclusively(path)


def _open_exclusively(path: str) -> tuple[int, os.stat_result]:
    """Return a descriptor that appends to the file at `path`, created if missing, once nobody else has it.

    The lock holds against this process and all others that share the directory.
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
        # During the wait, the file was cancelled or became a blob.
        os.close(descriptor)
