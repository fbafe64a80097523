"""SQLite's write-ahead log, put on disk once for all transactions that were committed meanwhile.

With ``synchronous = NORMAL`` a commit writes its frames to the log and returns; only a checkpoint and the header of a
new log are synced, which keeps the file whole whatever happens (https://www.sqlite.org/pragma.html#pragma_synchronous).
After a power cut the log is read as far as its checksums hold. So a transaction is there if a sync of the log that
began after its commit has ended, or a checkpoint that has taken it into the database.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from moto_ecr_ext.platforms.files import BINARY, flush, flush_content, open_directory
from moto_ecr_ext.storage.shared_flush import SharedFlush


class WriteAheadLog:
    """The log of a database at `path`, as long as a connection to that is open."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        # Kept open: the kernel tells each open file of a write that failed, and one that is opened later perhaps not.
        self._descriptor: int | None = None
        self._shared = SharedFlush(self._sync)
        self.is_doubtful = False
        """Whether a sync has failed: a later one would succeed without the frames that are lost."""

    def flush(self) -> None:
        """Return once all that was committed before this call is on disk. Raises OSError, and is doubtful then."""
        self._shared.wait()

    def close(self) -> None:
        """Let go of the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def forget_waiters(self) -> None:
        """Have nobody wait: in the child of a process, whose other threads are not there."""
        self._shared = SharedFlush(self._sync)

    def _sync(self) -> None:
        if self.is_doubtful:
            raise OSError(
                errno.EIO, "an earlier sync of the write-ahead log has failed", self._path
            )
        try:
            if self._descriptor is None:
                self._descriptor = self._open()
            flush_content(self._descriptor)
        except FileNotFoundError:
            return  # The last connection was closed, which has taken all of it into the database.
        except BaseException:
            self.is_doubtful = True
            raise

    def _open(self) -> int:
        descriptor = os.open(self._path, os.O_RDWR | BINARY)
        try:
            _flush_directory(os.path.dirname(self._path) or ".")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _flush_directory(path: str) -> None:
    """Have the log's name on disk.

    SQLite does this for a log that it makes; the one of a killed process may be older than its name there.
    """
    directory = open_directory(path)
    if directory is None:
        return
    try:
        flush(directory)
    finally:
        os.close(directory)
