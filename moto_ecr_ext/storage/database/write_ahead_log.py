"""SQLite's write-ahead log, flushed once for several commits.

With ``synchronous = NORMAL``, a commit writes its frames to the log and returns; only a checkpoint and the header of a
new log are synced, which keeps the file consistent in any case (https://www.sqlite.org/pragma.html#pragma_synchronous).
After a power cut, the log is read as far as its checksums hold. A transaction therefore survives if a sync of the log
that began after its commit has ended, or if a checkpoint has copied it into the database.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from moto_ecr_ext.platforms.files import BINARY, flush, flush_content, open_directory
from moto_ecr_ext.storage.shared_flush import SharedFlush


class WriteAheadLog:
    """The log of a database at `path`, while a connection to the database is open."""

    def __init__(self, path: str) -> None:
        self._path = f"{path}-wal"
        # Kept open: the kernel reports a failed write to each open file, but perhaps not to one that is opened later.
        self._descriptor: int | None = None
        self._shared = SharedFlush(self._sync)
        self.is_doubtful = False
        """True if a sync has failed: a later one would succeed without the lost frames."""

    def flush(self) -> None:
        """Wait until all commits before this call are on disk.

        Raises OSError, and sets `is_doubtful`, if that fails.
        """
        self._shared.wait()

    def close(self) -> None:
        """Close the file."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with suppress(OSError):
                os.close(descriptor)

    def forget_waiters(self) -> None:
        """Forget the waiting threads, in the child of a fork, which does not have them."""
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
            return  # The last connection was closed, which has copied the log into the database.
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
    """Flush the name of the log to disk.

    SQLite does this for a log that it creates. A killed process may have left its log without that.
    """
    directory = open_directory(path)
    if directory is None:
        return
    try:
        flush(directory)
    finally:
        os.close(directory)
