"""A guard against code that hangs. How fast something is, `benchmarks/` measures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Seconds of the processor: what hangs takes minutes, and a busy machine makes nothing else take so many.
HANGS = 20


@contextmanager
def not_hanging() -> Iterator[None]:
    """Fail if the block takes so much time of this thread that its work must grow beyond all bounds."""
    begun = time.thread_time()
    yield
    took = time.thread_time() - begun
    assert took < HANGS, f"{took:.0f} seconds of the processor: it hangs"
