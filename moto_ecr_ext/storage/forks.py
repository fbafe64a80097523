"""Locks across a fork: a child has the locks that other threads held, but none of those threads.

Before a fork the database comes to rest (`Store`), so that nothing in it is half done. Every other lock is held for a
moment only, and is unlocked in the child. `logging` in Python's library does the same.
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
# Contexts that hold the store at rest during a fork. One thread at a time uses it.
_at_rest = ExitStack()


def fork_safe_lock() -> Lock:
    """Return a lock that is unlocked in a child, even if a thread of the parent holds it."""
    lock = Lock()
    _locks.add(lock)
    return lock


def fork_safe_rlock() -> Any:
    """Return a lock like `fork_safe_lock` that one thread may take several times."""
    lock = RLock()
    _locks.add(lock)
    return lock


def rest_while_forking(rest: Callable[[], AbstractContextManager[None]]) -> None:
    """Fork only within the block that `rest` makes. Parent and child both leave the block."""
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
