"""Flushes that many share: a caller never returns by a flush that began before its write."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock, Thread

from moto_ecr_ext.storage.shared_flush import SharedFlush


class Flushes:
    """Flushes that end when they are let."""

    def __init__(self) -> None:
        self.began = [Event() for _ in range(3)]
        self.may_end = [Event() for _ in range(3)]
        self.errors: dict[int, Exception] = {}
        self.count = 0

    def __call__(self) -> None:
        number = self.count
        self.count += 1
        self.began[number].set()
        assert self.may_end[number].wait(30)
        if number in self.errors:
            raise self.errors[number]


class Waiter(Thread):
    """Waits for a flush, in a thread."""

    def __init__(self, shared: SharedFlush) -> None:
        super().__init__()
        self._shared = shared
        self.error: Exception | None = None
        self.start()

    def run(self) -> None:
        try:
            self._shared.wait()
        except OSError as error:
            self.error = error


def waiting(shared: SharedFlush, count: int) -> list[Waiter]:
    """Waiters that wait for a flush that has not begun."""
    waiters = [Waiter(shared) for _ in range(count)]
    # Private, also in Python, since a thread announces nothing once it waits.
    while len(shared._changed._waiters) < count:  # type: ignore[attr-defined]
        pass
    return waiters


def test_who_is_alone_makes_one_flush() -> None:
    """A single caller causes one flush, which begins at once."""
    flushes = Flushes()
    flushes.may_end[0].set()
    SharedFlush(flushes).wait()
    assert flushes.count == 1


def test_those_who_come_during_a_flush_share_the_next() -> None:
    """Callers during a flush share the next one, since the running one began before their writes."""
    flushes = Flushes()
    shared = SharedFlush(flushes)
    first = Waiter(shared)
    assert flushes.began[0].wait(30)
    others = waiting(shared, 5)
    flushes.may_end[0].set()
    first.join()
    assert flushes.began[1].wait(30)
    assert all(each.is_alive() for each in others)
    flushes.may_end[1].set()
    for each in others:
        each.join()
    assert flushes.count == 2


def test_a_flush_that_fails_fails_for_all_of_its_own() -> None:
    """Only the threads that share the failed flush get its error."""
    flushes = Flushes()
    flushes.errors[1] = OSError(5, "Input/output error")
    shared = SharedFlush(flushes)
    first = Waiter(shared)
    assert flushes.began[0].wait(30)
    second = waiting(shared, 4)
    flushes.may_end[0].set()
    first.join()
    assert flushes.began[1].wait(30)
    third = waiting(shared, 3)
    flushes.may_end[1].set()
    for each in second:
        each.join()
    flushes.may_end[2].set()
    for each in third:
        each.join()
    assert first.error is None
    assert [str(each.error) for each in second] == ["[Errno 5] Input/output error"] * 4
    assert len({id(each.error) for each in second}) == 4
    assert [each.error for each in third] == [None] * 3


def test_everything_is_flushed_before_its_writer_goes_on() -> None:
    """Many threads write and wait, and find what they wrote flushed."""
    lock = Lock()
    written: set[int] = set()
    flushed: set[int] = set()
    count = 0

    def flush() -> None:
        nonlocal count
        count += 1
        with lock:
            found = set(written)
        flushed.update(found)

    shared = SharedFlush(flush)

    def write(number: int) -> None:
        for step in range(200):
            item = number * 1000 + step
            with lock:
                written.add(item)
            shared.wait()
            assert item in flushed

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert count <= 1600
