"""A flush that is shared by all threads that wait for one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition


class _Flush:
    """A flush that has not begun, is under way or has ended."""

    def __init__(self) -> None:
        self.has_ended = False
        self.error: Exception | None = None


class SharedFlush:
    """Flushes, one after the other, each for all threads that asked before it began.

    A flush under way may miss bytes that were written since its beginning. A thread therefore waits for the next flush,
    which the first waiting thread makes when its turn comes. A thread waits for two flushes at most, and a single
    thread for one.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._changed = Condition()
        self._next = _Flush()
        self._is_under_way = False

    def wait(self) -> None:
        """Wait for a flush that begins after this call. Raises the flush's error in each waiting thread."""
        with self._changed:
            mine = self._next
            self._changed.wait_for(lambda: mine.has_ended or not self._is_under_way)
            if mine.has_ended:
                _raise_error_of(mine)
                return
            self._next, self._is_under_way = _Flush(), True
        try:
            self._flush()
        except Exception as error:
            mine.error = error
            raise
        except BaseException:
            mine.error = OSError("the flush was interrupted")
            raise
        finally:
            with self._changed:
                mine.has_ended, self._is_under_way = True, False
                self._changed.notify_all()


def _raise_error_of(flush: _Flush) -> None:
    if flush.error is not None:
        # A new object: a traceback belongs to one thread.
        raise OSError(*getattr(flush.error, "args", ())) from flush.error
