"""Turns of threads, and work that gives way to others."""

from __future__ import annotations

import sys
from threading import Event, Thread

from moto_ecr_ext.storage.turns import giving_way


def test_giving_way_ends_with_the_last_thread() -> None:
    """The interpreter changes threads more often while at least one gives way, and as before afterwards."""
    before = sys.getswitchinterval()
    is_there, may_end = Event(), Event()

    @giving_way()
    def compute() -> None:
        is_there.set()
        assert may_end.wait(30)

    with giving_way():
        assert sys.getswitchinterval() <= before / 5
        other = Thread(target=compute)
        other.start()
        assert is_there.wait(30)
    assert sys.getswitchinterval() <= before / 5
    may_end.set()
    other.join()
    assert sys.getswitchinterval() == before
