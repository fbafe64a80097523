"""Removing blobs in two steps: a blob is set aside, and then deleted or put back."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType

log = logging.getLogger("moto_ecr_ext")


class Removal(ABC):
    """Blobs that are set aside for the length of a `with` block.

    A blob must not be deleted by its name while it may be pushed: the database's lock, which keeps pushes out, can be
    lost with the connection. A blob that was set aside has a separate name, which no push uses for other bytes. It may
    be deleted at any later time if the database, asked after that step, says that no repository holds it.
    """

    def __init__(self) -> None:
        self._aside: set[str] = set()
        self._confirmed: set[str] = set()

    def step_aside(self, digests: Iterable[str]) -> None:
        """Set blobs aside, if they exist. They are put back unless they are confirmed."""
        for digest in digests:
            if self._step_aside(digest):
                self._aside.add(digest)

    def confirm(self, digests: Iterable[str]) -> None:
        """Delete blobs that were set aside, at the end of the block. Readers keep the blobs that they have open."""
        self._confirmed.update(digests)

    def __enter__(self) -> Removal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for digest in self._aside:
            try:
                if digest in self._confirmed:
                    self._remove(digest)
                else:
                    self._come_back(digest)
            except OSError:
                # Reads find a blob that is set aside, and the next start puts it back or deletes it.
                log.exception("Blob %s was set aside for removal, and stays there", digest)

    @abstractmethod
    def _step_aside(self, digest: str) -> bool:
        """Set a blob aside. Return False if it does not exist."""

    @abstractmethod
    def _remove(self, digest: str) -> None:
        """Delete a blob that was set aside."""

    @abstractmethod
    def _come_back(self, digest: str) -> None:
        """Put a blob back, unless it was committed anew."""
