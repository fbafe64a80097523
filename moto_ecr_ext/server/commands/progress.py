"""Progress of long work, on standard error: a bar on a terminal if tqdm is installed, otherwise lines with counts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from moto_ecr_ext.storage.progress import Work, showing

if TYPE_CHECKING:
    from tqdm.std import tqdm

# Seconds between two lines for the same work.
_BETWEEN_LINES = 10.0


@contextmanager
def shown(is_wanted: bool = True) -> Iterator[None]:
    """Show the work of this block, if that is wanted."""
    with showing(_work) if is_wanted else nullcontext():
        yield


def _work(name: str, total: int, unit: str) -> AbstractContextManager[Work]:
    if _can_draw():
        try:
            from tqdm.std import tqdm
        except ImportError:
            pass
        else:
            return _bar(tqdm, name, total, unit)
    return _lines(name, total, unit, sys.stderr)


def _can_draw() -> bool:
    """Return True for a terminal that knows its size, as most do."""
    try:
        return all(os.get_terminal_size(sys.stderr.fileno()))
    except (AttributeError, OSError, ValueError):  # A file, no descriptor, or no stream.
        return False


@contextmanager
def _bar(tqdm: type[tqdm[Any]], name: str, total: int, unit: str) -> Iterator[Work]:
    is_bytes = unit == "bytes"
    with tqdm(
        desc=name,
        total=total,
        unit="B" if is_bytes else f" {unit}",
        unit_scale=is_bytes,
        file=sys.stderr,
        leave=False,
    ) as bar:
        yield _Bar(bar)


class _Bar:
    """Progress shown as a bar, which disappears at the end."""

    def __init__(self, bar: tqdm[Any]) -> None:
        self._bar = bar
        self._drawn_at = monotonic()

    def advance(self, count: int = 1) -> None:
        self._bar.update(count)

    def tick(self) -> None:
        """Draw the elapsed time."""
        if monotonic() - self._drawn_at > self._bar.mininterval:
            self._drawn_at = monotonic()
            self._bar.refresh()


@contextmanager
def _lines(name: str, total: int, unit: str, file: TextIO) -> Iterator[Work]:
    lines = _Lines(name, total, unit, file)
    yield lines
    lines.write()


class _Lines:
    """Progress shown as a line now and then, and at the end."""

    def __init__(self, name: str, total: int, unit: str, file: TextIO) -> None:
        self._name = name
        self._total = total
        self._unit = unit
        self._file = file
        self._done = 0
        self._written_at = monotonic()

    def advance(self, count: int = 1) -> None:
        self._done += count
        self.tick()

    def tick(self) -> None:
        """Write a line, if the last one is old enough."""
        if monotonic() - self._written_at >= _BETWEEN_LINES:
            self.write()

    def write(self) -> None:
        """Write a line."""
        self._written_at = monotonic()
        line = f"{self._name}: {self._done:,} of {self._total:,} {self._unit}"
        print(line, file=self._file, flush=True)
