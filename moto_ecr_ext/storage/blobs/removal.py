"""Removing blobs in two steps: a blob is set aside, and then deleted or put back."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterable

log = logging.getLogger("moto_ecr_ext")


class Removal(ABC):
    """Blobs that are set aside for the length of a `with` block.

    A lock of the database keeps clients from pushing a blob while it is deleted. The lock ends with the connection to
    the database, and the process notices that only at its next query. Until then a client may push the same blob to
    another server. Deleting the blob by its name could then delete the bytes of that push.

    Therefore the blob is renamed first. A push writes under the blob's own name, so that deleting the other name cannot
    harm it. Then the database is asked whether a repository holds the blob. If one does, the blob gets its name back.
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

    def __exit__(self, *error: object) -> None:
        for digest in self._aside:
            try:
                if digest in self._confirmed:
                    self._remove(digest)
                else:
                    self._put_back(digest)
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
    def _put_back(self, digest: str) -> None:
        """Put a blob back, unless it was committed anew."""
