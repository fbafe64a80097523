"""Work that AWS does in the background: it has a beginning and an end, and is looked at in between.

It takes no time unless moto's state manager says otherwise of its kind: then it is over after so many seconds, or once
it was described so often (https://docs.getmoto.org/en/latest/docs/configuration/state_transition/index.html).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from moto_ecr_ext.services.state_manager import has_ended
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import AT_ONCE

if TYPE_CHECKING:
    from .base import RegistryBackend


class UnderWay(Protocol):
    """A row of work under way: since when, in seconds since the epoch, and how often it was described since."""

    @property
    def started_at(self) -> float: ...

    @property
    def times_seen(self) -> int: ...


_Work = TypeVar("_Work", bound=UnderWay)


_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class BackgroundWork(Generic[_Work]):
    """One kind of work, in all registries.

    `name` is the one under which moto's state manager knows it. `under_way` reads all work that has not ended, and
    `again` one of these once more in the transaction that ends it, or None: another process may have been faster.
    `end` ends it.
    """

    name: str
    under_way: Callable[[View], Sequence[_Work]]
    again: Callable[[View, _Work], _Work | None]
    end: Callable[[RegistryBackend, Transaction, _Work], None]

    def begin(self, registry: RegistryBackend, transaction: Transaction, work: _Work) -> None:
        """End work whose row this transaction has stored, if it is over already; if not, a later request does."""
        if self._is_over(work):
            self.end(registry, transaction, work)
        else:
            look_again(registry, transaction)

    def begin_after_commit(self, registry: RegistryBackend, transaction: Transaction) -> None:
        """As `begin`, for ends that have transactions of their own: they may be many, or fail.

        The rows of the work are stored in this transaction.
        """
        transaction.after_commit(lambda: self._run_now(registry))

    def _run_now(self, registry: RegistryBackend) -> None:
        next_at = AT_ONCE  # unless it succeeds
        try:
            next_at = self.run(registry)
        finally:
            registry.store.schedule.expect(next_at)

    def run(self, registry: RegistryBackend) -> float:
        """End what is over by now. Return when to look again: at once while some goes on, else never."""
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
        """Return what `read` finds for an operation that describes work.

        If work `goes_on` in that, `count` notes in its rows that it was described once more. It may be over by that, so
        it is read again.
        """
        database = registry.store.database
        with database.read() as view:
            found = read(view)
        if not goes_on(found):
            return found
        self.see_again(registry, lambda transaction: count(transaction, found))
        with database.read() as view:
            return read(view)

    def see_again(self, registry: RegistryBackend, count: Callable[[Transaction], object]) -> None:
        """Have `count` note in the rows that work was described once more, and do what is due by that."""
        with registry.store.database.write(durable=False) as transaction:
            count(transaction)
        # Another process may have begun the work.
        registry.store.schedule.expect(AT_ONCE)
        registry.catch_up()

    def _is_over(self, work: _Work) -> bool:
        return has_ended(self.name, work.started_at, work.times_seen)


def look_again(registry: RegistryBackend, transaction: Transaction, at: float = AT_ONCE) -> None:
    """Have the first request from this time on do what is due, once this transaction is committed.

    `at` is in seconds since the epoch; by default each request looks until nothing goes on any more.
    """
    transaction.after_commit(lambda: registry.store.schedule.expect(at))
