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

    def is_over(self, started_at: float, times_seen: int = 0) -> bool:
        """Return whether work that began at this time, and was described so often since, is over by now."""
        return has_ended(self.name, started_at, times_seen)

    def goes_on(self, registry: RegistryBackend, transaction: Transaction) -> None:
        """Have work that this transaction begins looked at with every request, once it is committed."""
        transaction.after_commit(lambda: registry.store.schedule.expect(AT_ONCE))

    def run(self, registry: RegistryBackend) -> float:
        """End what is over by now. Return when to look again: at once while some goes on, else never."""
        database = registry.store.database
        with database.read() as view:
            found = self.under_way(view)
        over = [each for each in found if self.is_over(each.started_at, each.times_seen)]
        for each in over:
            with database.write() as transaction:
                work = self.again(transaction, each)
                if work is not None:
                    self.end(registry, transaction, work)
        return AT_ONCE if len(over) < len(found) else math.inf

    def see_again(self, registry: RegistryBackend, count: Callable[[Transaction], object]) -> None:
        """Have `count` note in the rows that work was described once more, and end what is over by that."""
        with registry.store.database.write(durable=False) as transaction:
            count(transaction)
        self.run(registry)
