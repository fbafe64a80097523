"""Times of pulls, gathered in memory and written together.

A pull is a read, and is not to wait for a disk. What a killed server loses of this is at most the last second.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping

from .database.base import Database
from .rows.pulls import Pulled, record

log = logging.getLogger("moto_ecr_ext")

# Seconds between writes while images are pulled and nobody asks for the times.
_INTERVAL = 1.0


class PendingPulls:
    """Times of pulls that are not in the database yet.

    Those by excluded identities never get there. They are found out when times are written, so that a pull does not pay
    for it.
    """

    def __init__(self, database: Database):
        self._database = database
        self._lock = threading.Lock()
        # By image and identity, the last pull last.
        self._pending: dict[tuple[int, str | None], float] = {}
        self._written_at = 0.0

    def add(self, image_row_ids: Iterable[int], at: float, by: str | None) -> None:
        """Note that images were pulled at this time, in seconds since the epoch, by this identity if anybody's."""
        with self._lock:
            for image_row_id in image_row_ids:
                self._pending.pop((image_row_id, by), None)
                self._pending[image_row_id, by] = at
            is_due = time.monotonic() - self._written_at > _INTERVAL
        if is_due:
            self.try_to_write()

    def write(self) -> None:
        """Put all times into the database; to be called outside of a transaction.

        That is before rows are changed by the times, or the exclusions are. What cannot be written is pending still.
        """
        with self._lock:
            pending, self._pending = self._pending, {}
            self._written_at = time.monotonic()
        if pending:
            try:
                self._store(pending)
            except BaseException:
                with self._lock:
                    self._pending = {**pending, **self._pending}
                raise

    def try_to_write(self) -> None:
        """As `write`, for a request that reads: it is answered also where nothing can be written, as on a full disk."""
        try:
            self.write()
        except Exception:
            log.exception("The times of pulls cannot be written, which is tried again later")

    def _store(self, pending: Mapping[tuple[int, str | None], float]) -> None:
        pulled = [Pulled(image, by, at) for (image, by), at in pending.items()]
        with self._database.write(durable=False) as transaction:
            record(transaction, pulled)

    def forget(self) -> None:
        """Drop what is pending: the images are gone."""
        with self._lock:
            self._pending.clear()
