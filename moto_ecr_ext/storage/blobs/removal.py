"""Removing blobs in two steps: they step aside, and then go for good or come back."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable
from types import TracebackType

log = logging.getLogger("moto_ecr_ext")


class Removal(ABC):
    """Blobs that step aside for the length of a `with` block.

    A blob must not go by its name while it may be pushed: the database's lock, by which nobody pushes it, can be lost
    with the connection. Once it stepped aside it has a name of its own, which no push gives to another. So it may go
    however late that happens, if the database, asked after the step, says that nobody held it until then.
    """

    def __init__(self) -> None:
        self._aside: set[str] = set()
        self._confirmed: set[str] = set()

    def step_aside(self, digests: Iterable[str]) -> None:
        """Take blobs out of the store, if they exist. They come back unless they are confirmed."""
        for digest in digests:
            if self._step_aside(digest):
                self._aside.add(digest)

    def confirm(self, digests: Iterable[str]) -> None:
        """Have blobs that stepped aside go for good when the block ends. Whoever has one open keeps it."""
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
                # Reads find a blob that is aside, and the next start puts it back or removes it.
                log.exception("Blob %s, which stepped aside to be removed, stays there", digest)

    @abstractmethod
    def _step_aside(self, digest: str) -> bool:
        """Give a blob another name. Return whether there was one."""

    @abstractmethod
    def _remove(self, digest: str) -> None:
        """Remove a blob that stepped aside."""

    @abstractmethod
    def _come_back(self, digest: str) -> None:
        """Give a blob its name again, unless it was committed anew."""
