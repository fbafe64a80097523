"""Turns: one thread at a time for each key, and long work that pauses for others."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Generic, TypeVar

from .forks import fork_safe_lock


class Turn:
    """The turn of one key. `users` counts the threads that have it or wait for it."""

    def __init__(self) -> None:
        self.lock = fork_safe_lock()
        self.users = 0
        self.is_over = False

    @property
    def is_kept(self) -> bool:
        """True if the turn outlasts its users, for a thread that takes it later."""
        return False


_Key = TypeVar("_Key", bound=Hashable)
_Turn = TypeVar("_Turn", bound=Turn)


class Turns(Generic[_Key, _Turn]):
    """The turns of all keys. `make` makes a turn when its key is first taken."""

    def __init__(self, make: Callable[[], _Turn]) -> None:
        self._make = make
        self._turns: dict[_Key, _Turn] = {}
        self._changes = fork_safe_lock()

    @contextmanager
    def take(self, key: _Key) -> Iterator[_Turn]:
        """Take the turn of a key for the length of the block, once no other thread has it."""
        while True:
            with self._changes:
                turn = self._turns.get(key)
                if turn is None:
                    turn = self._turns[key] = self._make()
                turn.users += 1
            try:
                with turn.lock:
                    if not turn.is_over:
                        yield turn
                        return
            finally:
                self._leave(key, turn)

    def end(self, key: _Key) -> None:
        """End the turn of a key: its holder sees `is_over`, and the next thread gets a new turn at once."""
        with self._changes:
            turn = self._turns.pop(key, None)
            if turn is not None:
                turn.is_over = True

    def keys(self) -> list[_Key]:
        """Return the keys whose turns have users or are kept."""
        with self._changes:
            return list(self._turns)

    def _leave(self, key: _Key, turn: _Turn) -> None:
        with self._changes:
            turn.users -= 1
            if not turn.users and not turn.is_kept and self._turns.get(key) is turn:
                del self._turns[key]


# Seconds. Python's own interval is 5 ms.
_INTERVAL = 0.0005


_switching = fork_safe_lock()
_blocks = 0
_interval_before = 0.0


@contextmanager
def switching_threads_often() -> Iterator[None]:
    """Let Python switch threads often while this one computes for seconds, in the block or the decorated function.

    A thread that returns from a system call waits for the interpreter, by default for up to 5 ms. A push makes a
    hundred such calls, so that it would wait half a second for a thread that computes.
    """
    global _blocks, _interval_before
    with _switching:
        if not _blocks:
            _interval_before = sys.getswitchinterval()
            sys.setswitchinterval(min(_interval_before, _INTERVAL))
        _blocks += 1
    try:
        yield
    finally:
        with _switching:
            _blocks -= 1
            if not _blocks:
                sys.setswitchinterval(_interval_before)


_Value = TypeVar("_Value")

# Seconds of work between two pauses: with the commit, and a push in the queue, others wait for less than 200 ms.
_TURN = 0.025


def in_turns(values: Iterable[_Value], size: int) -> Iterator[list[_Value]]:
    """Yield values in lists of at most `size`, each after a pause as long as the work on the one before.

    In the pause others can write: SQLite has no queue, and lets a process retry now and then.
    """
    rest = iter(values)
    batch = list(islice(rest, size))
    while batch:
        begun = time.perf_counter()
        yield batch
        passed = time.perf_counter() - begun
        batch = list(islice(rest, size))
        if batch:
            time.sleep(passed)


def timed_turns(values: Iterable[_Value], size: int) -> Iterator[Iterator[list[_Value]]]:
    """Yield turns of work on values, each an iterator of lists of at most `size` that ends when its time is over.

    It is for work in transactions, each of which costs a sync of the disk: the faster the work, the more fits into one.
    A turn begins after a pause as in `in_turns`. Work of the caller after the end of a turn is not counted.
    """
    rest = iter(values)
    batch = list(islice(rest, size))
    passed = 0.0

    def turn() -> Iterator[list[_Value]]:
        nonlocal batch, passed
        begun = time.perf_counter()
        while batch:
            yield batch
            batch = list(islice(rest, size))
            passed = time.perf_counter() - begun
            if passed > _TURN:
                return

    while batch:
        yield turn()
        if batch:
            time.sleep(passed)
