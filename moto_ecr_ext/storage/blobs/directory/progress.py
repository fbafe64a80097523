"""What this process knows of an upload beyond its bytes, from one session to the next."""

from __future__ import annotations

import os

from moto_ecr_ext.storage.blobs.recent import Recent
from moto_ecr_ext.storage.blobs.running_digest import RunningDigest

from .files import FileState, file_state

_UPLOADS_REMEMBERED = 1024


class Progress:
    """How much of an upload is hashed and on disk, as long as its file stays as it was."""

    def __init__(self) -> None:
        self.running = RunningDigest()
        self.flushed = False
        self.file_state: FileState | None = None


class ProgressOfUploads:
    """The progress of the uploads last used here, so that a session begins where one ended.

    Whatever is missing is made up for by reading the file and flushing it once more.
    """

    def __init__(self) -> None:
        self._progress: Recent[Progress] = Recent(_UPLOADS_REMEMBERED)

    def take(self, upload_id: str, status: os.stat_result) -> Progress:
        """Return the progress of an upload whose file is in this state, and hold it no longer."""
        progress = self._progress.pop(upload_id)
        if progress is None or progress.file_state != file_state(status):
            return Progress()
        return progress

    def keep(self, upload_id: str, progress: Progress, status: os.stat_result) -> None:
        """Hold the progress of an upload whose session leaves the file in this state."""
        progress.file_state = file_state(status)
        self._progress.put(upload_id, progress)
