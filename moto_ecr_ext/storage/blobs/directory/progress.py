"""The process's knowledge of uploads between their sessions."""

from __future__ import annotations

import os

from moto_ecr_ext.storage.blobs.running_digest import RunningDigest
from moto_ecr_ext.storage.recent import Recent

from .files import FileState, file_state

_UPLOADS_REMEMBERED = 1024


class Progress:
    """The numbers of an upload's bytes that are hashed and on disk, valid while its file is unchanged."""

    def __init__(self) -> None:
        self.running = RunningDigest()
        self.flushed = False
        self.file_state: FileState | None = None


class ProgressOfUploads:
    """The progress of the uploads last used here, so that a session continues where the last one ended.

    For a missing upload, the file is read and flushed again.
    """

    def __init__(self) -> None:
        self._progress: Recent[Progress] = Recent(_UPLOADS_REMEMBERED)

    def take(self, upload_id: str, status: os.stat_result) -> Progress:
        """Return and drop the progress of an upload whose file is in this state."""
        progress = self._progress.pop(upload_id)
        if progress is None or progress.file_state != file_state(status):
            return Progress()
        return progress

    def keep(self, upload_id: str, progress: Progress, status: os.stat_result) -> None:
        """Keep the progress of an upload whose session leaves the file in this state."""
        progress.file_state = file_state(status)
        self._progress.put(upload_id, progress)
