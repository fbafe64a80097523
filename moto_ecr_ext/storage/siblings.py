"""Other processes of the same server: each keeps something of the store in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .counts import Count
    from .store import Store


class Pull(NamedTuple):
    """The pulls of an image by one identity, if by anybody's."""

    image_id: int
    identity: str | None


class Siblings:
    """What the other processes have in memory. This is a server without any."""

    def counts(self, account_id: str, region: str) -> Sequence[Count]:
        """Return what they have counted of a registry."""
        return ()

    def waiting_pulls(self) -> Sequence[tuple[Pull, float]]:
        """Return the times of pulls that they have not written."""
        return ()

    def write_pulls(self) -> None:
        """Have them write these times. Raises OSError if one cannot."""

    def take_requests(self) -> Sequence[tuple[float, str, int, float, str]]:
        """Take over what they have answered since they were last asked: see `RecentRequests`."""
        return ()

    def forget(self) -> None:
        """Have them drop what is of registries that are emptied."""


def join(store: Store, siblings: Siblings) -> None:
    """Have the store of this process count with what the others have in memory."""
    store.pulls.siblings = store.counts.siblings = store.requests.siblings = siblings
    store.database.form_a_queue()


def forget(store: Store) -> None:
    """Drop what this process and the others have in memory of registries that are emptied."""
    store.pulls.siblings.forget()
    store.pulls.forget()
    store.referrer_checks.clear()
    store.counts.clear()
