"""Work that AWS does in the background. It has a beginning and an end, and clients can watch its status.

Here it takes no time, unless moto's state manager delays its kind: by a number of seconds, or of descriptions
(https://docs.getmoto.org/en/latest/docs/configuration/state_transition/index.html).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from moto_ecr_ext.moto_services.state_manager import has_ended
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import AT_ONCE

from .base import RegistryBackend


class UnderWay(Protocol):
    """A row of work under way: its start, in seconds since the epoch, and how often it was described since then."""

    @property
    def started_at(self) -> float: ...

    @property
    def times_seen(self) -> int: ...


_Work = TypeVar("_Work", bound=UnderWay)


_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class BackgroundWork(Generic[_Work]):
    """One kind of work, in all registries.

    `name` is its name in moto's state manager. `under_way` reads all work that has not ended. `again` reads one of
    these again in the transaction that ends it; it returns None if another process has ended the work. `end` ends it.
    """

    name: str
    under_way: Callable[[View], Sequence[_Work]]
    again: Callable[[View, _Work], _Work | None]
    end: Callable[[RegistryBackend, Transaction, _Work], None]

    def begin(self, registry: RegistryBackend, transaction: Transaction, work: _Work) -> None:
        """End work whose row this transaction has stored, if it is over already. Otherwise, a later request ends it."""
        if self._is_over(work):
            self.end(registry, transaction, work)
        else:
            expect_after_commit(registry, transaction)

    def begin_after_commit(self, registry: RegistryBackend, transaction: Transaction) -> None:
        """Begin work whose end has separate transactions: they may be many, or fail.

        This transaction stores the rows of the work.
        """
        transaction.after_commit(lambda: self._run_now(registry))

    def _run_now(self, registry: RegistryBackend) -> None:
        next_at = AT_ONCE  # unless it succeeds
        try:
            next_at = self.run(registry)
        finally:
            registry.store.schedule.expect(next_at)

    def run(self, registry: RegistryBackend) -> float:
        """End the work that is over. Return when to look again: at once if some is still under way, otherwise never."""
        database = registry.store.database
        with database.read() as view:
            found = self.under_way(view)
        over = [each for each in found if self._is_over(each)]
        for each in over:
            with database.write() as transaction:
                work = self.again(transaction, each)
                if work is not None:
                    self.end(registry, transaction, work)
        return AT_ONCE if len(over) < len(found) else math.inf

    def described(
        self,
        registry: RegistryBackend,
        read: Callable[[View], _Found],
        goes_on: Callable[[_Found], bool],
        count: Callable[[Transaction, _Found], object],
    ) -> _Found:
        """Return what `read` finds, for an operation that describes work.

        If `goes_on` returns True for it, `count` notes one more description in the rows. That may end the work, so it
        is read again.
        """
        database = registry.store.database
        with database.read() as view:
            found = read(view)
        if not goes_on(found):
            return found
        self.count_description(registry, lambda transaction: count(transaction, found))
        with database.read() as view:
            return read(view)

    def count_description(
        self, registry: RegistryBackend, count: Callable[[Transaction], object]
    ) -> None:
        """Let `count` note one more description in the rows, and do the work that becomes due by it."""
        with registry.store.database.write(durable=False) as transaction:
            count(transaction)
        # Another process may have begun the work.
        registry.store.schedule.expect(AT_ONCE)
        registry.catch_up()

    def _is_over(self, work: _Work) -> bool:
        return has_ended(self.name, work.started_at, work.times_seen)


def expect_after_commit(
    registry: RegistryBackend, transaction: Transaction, at: float = AT_ONCE
) -> None:
    """Let requests look for due work from a time on, once this transaction is committed.

    `at` is in seconds since the epoch. By default, each request looks until no work is under way.
    """
    transaction.after_commit(lambda: registry.store.schedule.expect(at))
