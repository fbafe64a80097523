"""Sibling processes of the same server, each of which keeps a part of the state in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .counts import Count
    from .store import Store


class Pull(NamedTuple):
    """The pulls of an image by one identity, or by nobody known."""

    image_id: int
    identity: str | None


class Siblings:
    """The state in the memory of sibling processes. This class is for a server without siblings."""

    def counts(self, account_id: str, region: str) -> Sequence[Count]:
        """Return their counts of a registry."""
        return ()

    def waiting_pulls(self) -> Sequence[tuple[Pull, float]]:
        """Return the times of pulls that they have not written."""
        return ()

    def write_pulls(self) -> None:
        """Make them write these times. Raises OSError if one cannot."""

    def take_requests(self) -> Sequence[tuple[float, str, int, float, str]]:
        """Return the requests that they have answered since the last call: see `RecentRequests`."""
        return ()

    def forget(self) -> None:
        """Make them drop their state of emptied registries."""


def join(store: Store, siblings: Siblings) -> None:
    """Join the store of this process with the memory of its siblings."""
    store.pulls.siblings = store.counts.siblings = store.requests.siblings = siblings
    store.database.form_a_queue()


def forget(store: Store) -> None:
    """Drop the state of emptied registries in this process and its siblings."""
    store.pulls.siblings.forget()
    store.pulls.forget()
    store.referrer_checks.clear()
    store.counts.clear()
