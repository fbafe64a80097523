"""fork: the child of a process has the locks that other threads held, and none of those threads.

Before a fork the database comes to rest (`Store`), so that nothing in it is half done. Every other lock is held for a
moment only, and the child gets it unlocked. `logging` in Python's library does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from threading import Lock, RLock
from typing import Any
from weakref import WeakSet

from moto_ecr_ext.platforms.processes import at_fork

_locks: WeakSet[Any] = WeakSet()
_rests: list[Callable[[], AbstractContextManager[None]]] = []
# What is at rest while the process forks. One thread at a time can have it so.
_at_rest = ExitStack()


def fork_safe_lock() -> Lock:
    """Return a lock that is unlocked in a child, whoever holds it."""
    lock = Lock()
    _locks.add(lock)
    return lock


def fork_safe_rlock() -> Any:
    """As `fork_safe_lock`, a lock that one thread may take several times."""
    lock = RLock()
    _locks.add(lock)
    return lock


def rest_while_forking(rest: Callable[[], AbstractContextManager[None]]) -> None:
    """Have the process fork within the block that `rest` makes, which is left in parent and child."""
    _rests.append(rest)


def _begin_rest() -> None:
    global _at_rest
    with ExitStack() as stack:
        for rest in _rests:
            stack.enter_context(rest())
        _at_rest = stack.pop_all()


def _end_rest() -> None:
    global _at_rest
    stack, _at_rest = _at_rest, ExitStack()
    stack.close()


def _begin_child() -> None:
    _end_rest()
    for lock in list(_locks):
        lock._at_fork_reinit()


at_fork(before=_begin_rest, after_in_parent=_end_rest, after_in_child=_begin_child)
