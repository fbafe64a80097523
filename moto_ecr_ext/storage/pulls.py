"""Times of pulls, gathered in memory and written together.

A pull is a read, and is not to wait for a disk. What a killed server loses of this is at most the last second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from sqlalchemy import bindparam

from . import tables
from .database import Database

# Seconds between writes while images are pulled and nobody asks for the times.
_INTERVAL = 1.0

_PULLED = tables.images.update().where(tables.images.c.id == bindparam("image"))


class PendingPulls:
    """Times of pulls that are not in the database yet."""

    def __init__(self, database: Database):
        self._database = database
        self._lock = threading.Lock()
        self._pending: dict[int, float] = {}
        self._written_at = 0.0

    def add(self, image_row_ids: Iterable[int], at: float) -> None:
        """The images were pulled at this time, in seconds since the epoch."""
        with self._lock:
            self._pending.update(dict.fromkeys(image_row_ids, at))
            is_due = time.monotonic() - self._written_at > _INTERVAL
        if is_due:
            self.write()

    def write(self) -> None:
        """Put all times into the database; to be called before they are read there, outside of a transaction."""
        with self._lock:
            pending, self._pending = self._pending, {}
            self._written_at = time.monotonic()
        if pending:
            with self._database.write_swiftly() as transaction:
                transaction.execute(
                    _PULLED,
                    [{"image": image, "last_pulled_at": at} for image, at in pending.items()],
                )

    def forget(self) -> None:
        """Drop what is pending: the images are gone."""
        with self._lock:
            self._pending.clear()
