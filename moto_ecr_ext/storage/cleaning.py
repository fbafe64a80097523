"""Work that removes what is out of sight, beside the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

log = logging.getLogger("moto_ecr_ext")


class Cleaning:
    """Removes what is left of a reset or of a killed process, on a thread of its own."""

    def __init__(self, clean: Callable[[], None]):
        self._clean = clean
        self._thread: threading.Thread | None = None

    def begin(self, name: str) -> None:
        """Begin to clean. What is left by a failure goes with the next start."""
        thread = threading.Thread(target=self._run, args=(self._thread,), name=name, daemon=True)
        self._thread = thread
        thread.start()

    def settle(self) -> None:
        """Return once it has ended."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, before: threading.Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            self._clean()
        except Exception:
            log.exception("Rows and bytes that are out of sight are left until the next start")
