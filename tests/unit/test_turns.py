"""Turns of threads, and work that gives way to others."""

from __future__ import annotations

import sys
from threading import Event, Thread

from moto_ecr_ext.storage.turns import switching_threads_often


def test_giving_way_ends_with_the_last_thread() -> None:
    """The interpreter switches threads more often while at least one gives way, and as before afterwards."""
    before = sys.getswitchinterval()
    is_there, may_end = Event(), Event()

    @switching_threads_often()
    def compute() -> None:
        is_there.set()
        assert may_end.wait(30)

    with switching_threads_often():
        assert sys.getswitchinterval() <= before / 5
        other = Thread(target=compute)
        other.start()
        assert is_there.wait(30)
    assert sys.getswitchinterval() <= before / 5
    may_end.set()
    other.join()
    assert sys.getswitchinterval() == before
