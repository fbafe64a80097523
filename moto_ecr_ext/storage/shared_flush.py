"""One flush for all that wait for one."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition


class _Flush:
    """A flush that has not begun, is under way or has ended."""

    def __init__(self) -> None:
        self.has_ended = False
        self.error: Exception | None = None


class SharedFlush:
    """Flushes, one after the other, each for all who asked before it began.

    A flush that is under way may have missed what was written since it began. So whoever asks waits for the next one,
    which the first of those who wait makes when its turn comes. Nobody waits for more
    than two, and who is alone for one.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._changed = Condition()
        self._next = _Flush()
        self._is_under_way = False

    def wait(self) -> None:
        """Return once a flush has ended that began after this call. Raises its error, in all that waited for it."""
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
        # Not the same object: a traceback is one thread's.
        raise OSError(*getattr(flush.error, "args", ())) from flush.error
