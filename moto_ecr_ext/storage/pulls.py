"""Times of pulls, gathered in memory and written together, beside the requests.

A pull is a read: it must not wait for a disk, or for another process that writes. A killed server loses at most the
last second of these times, unless another process was blocking the database.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from moto_ecr_ext.process import this_process

from . import rows
from .database.base import Database
from .database.transaction import View
from .forks import fork_safe_lock
from .rows.pulls import Pulled, record

log = logging.getLogger("moto_ecr_ext")

# Seconds between writes during pulls.
_INTERVAL = 1.0


class Pull(NamedTuple):
    """The pulls of an image by one identity, or by nobody known."""

    image_id: int
    identity: str | None


class WaitingPulls:
    """The times of pulls that were not in the database at one moment. Answers with times include them."""

    def __init__(self, times: Mapping[Pull, float]):
        self._times = times

    def of_registry(self, view: View, account_id: str, region: str) -> Mapping[int, float]:
        """Return the times by the rows of images, without those of identities that the registry excludes."""
        if not self._times:
            return {}
        excluded = rows.pull_time_exclusions.identities(view, account_id, region)
        return {
            pull.image_id: at for pull, at in self._times.items() if pull.identity not in excluded
        }


class PendingPulls:
    """Times of pulls that are not in the database yet.

    Those of excluded identities are dropped. They are recognized when times are written, so that a pull does not pay
    for it.
    """

    def __init__(self, database: Database):
        self._database = database
        self._lock = fork_safe_lock()
        self._storing = fork_safe_lock()
        # In the order of the pulls.
        self._pending: dict[Pull, float] = {}
        self._being_written: dict[Pull, float] = {}
        self._written_at = 0.0
        self._writer: threading.Thread | None = None
        self._is_closing = threading.Event()

    def add(self, image_row_ids: Iterable[int], at: float, by: str | None) -> None:
        """Note the pulls of images at this time, in seconds since the epoch, by this identity if it is known."""
        with self._lock:
            for image_row_id in image_row_ids:
                pull = Pull(image_row_id, by)
                self._pending.pop(pull, None)
                self._pending[pull] = at
            if self._database.is_shared:
                self._begin_to_write()
                return
            is_due = time.monotonic() - self._written_at > _INTERVAL
        if is_due:
            self.try_to_write()

    def waiting(self) -> WaitingPulls:
        """Return the times that are not in the database.

        Call this before rows are read, so that each time is in one of the two.
        """
        times = self.of_process()
        for answer in this_process().ask_all_others("waiting_pulls"):
            for image_id, identity, at in answer:
                pull = Pull(image_id, identity)
                times[pull] = max(at, times.get(pull, at))
        return WaitingPulls(times)

    def of_process(self) -> dict[Pull, float]:
        """Return the times that this process has not written."""
        with self._lock:
            return {**self._being_written, **self._pending}

    def write(self) -> None:
        """Write all times to the database. Call this outside transactions.

        Call it before rows are changed according to the times, or exclusions change. Times that cannot be written stay
        pending. Raises ProcessUnavailable if another process of the server does not write its own.
        """
        this_process().ask_all_others("write_pulls")
        self.write_own()

    def write_own(self) -> None:
        """As `write`, of this process alone."""
        with self._storing:
            with self._lock:
                self._being_written, self._pending = self._pending, {}
                self._written_at = time.monotonic()
            try:
                self._store(self._being_written)
            except BaseException:
                with self._lock:
                    self._pending = {**self._being_written, **self._pending}
                raise
            finally:
                self._being_written = {}

    def try_to_write(self) -> bool:
        """Write as `write` does, for readers: return False on a failure, such as a full disk, instead of raising it."""
        try:
            self.write_own()
        except Exception:
            log.exception("The times of pulls cannot be written; the next pull tries again")
            return False
        return True

    def forget(self) -> None:
        """Drop all pending times: the images are gone."""
        with self._lock:
            self._pending.clear()

    def close(self) -> None:
        """Write the pending times, for the last time."""
        self._is_closing.set()
        with self._lock:
            writer = self._writer
        if writer is not None:
            writer.join()
        self.try_to_write()

    def _begin_to_write(self) -> None:
        # A thread that did not survive a fork is not alive.
        if self._writer is None or not self._writer.is_alive():
            self._writer = threading.Thread(
                target=self._write_beside, name="times of pulls", daemon=True
            )
            self._writer.start()

    def _write_beside(self) -> None:
        """Write in intervals until nothing is pending. After a failure, the next pull begins anew."""
        while True:
            passed = time.monotonic() - self._written_at
            if self._is_closing.wait(min(max(_INTERVAL - passed, 0.0), _INTERVAL)):
                return
            is_written = self.try_to_write()
            with self._lock:
                if not self._pending or not is_written:
                    self._writer = None
                    return

    def _store(self, pending: Mapping[Pull, float]) -> None:
        if not pending:
            return
        pulled = [Pulled(pull.image_id, pull.identity, at) for pull, at in pending.items()]
        with self._database.write(durable=False) as transaction:
            record(transaction, pulled)
