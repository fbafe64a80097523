"""Removal of hidden rows and their bytes, beside the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("moto_ecr_ext")


class Cleaning:
    """A thread that removes the remains of a reset or of a killed process."""

    def __init__(self, clean: Callable[[], None]):
        self._clean = clean
        self._thread: threading.Thread | None = None

    def begin(self, name: str) -> None:
        """Begin to clean. After a failure, the next start removes the rest."""
        thread = threading.Thread(target=self._run, args=(self._thread,), name=name, daemon=True)
        self._thread = thread
        thread.start()

    def settle(self) -> None:
        """Wait until the cleaning has ended."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            self._clean()
        except Exception:
            log.exception("Hidden rows and bytes are left until the next start")
