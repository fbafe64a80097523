"""A benchmark of two ways to write a blob: through the page cache, and past it (O_DIRECT).

Both write 1 GiB durably, and then read it twice, as a push and two pulls do. The two take turns.
"""

from __future__ import annotations

import argparse
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common import (
    GIB,
    MIB,
    Figures,
    Rest,
    number,
    parse_arguments,
    print_machine,
    print_table,
    scratch_directory,
)

# Bytes that are written at once: what the server receives at once, and what is fast with O_DIRECT.
_PIECES = {"buffered": MIB // 4, "direct": 4 * MIB}
_STEPS = ("write", "fsync", "first read", "second read")
_READ_AT_ONCE = MIB


def measure(way: str, path: Path, size: int, figures: Figures) -> None:
    """Write and read a file of `size` bytes. Add the seconds of each step, and those of the processor."""
    # A map begins at a page, as O_DIRECT requires.
    piece = mmap.mmap(-1, _PIECES[way])
    piece.write(os.urandom(len(piece)))
    buffer = mmap.mmap(-1, _READ_AT_ONCE)
    flags = os.O_CREAT | os.O_WRONLY | (os.O_DIRECT if way == "direct" else 0)
    with _opened(path, flags) as writing, _opened(path, os.O_RDONLY) as reading:

        def write() -> None:
            for at in range(0, size, len(piece)):
                os.pwrite(writing, piece, at)

        def read() -> None:
            for at in range(0, size, len(buffer)):
                os.preadv(reading, [buffer], at)

        actions: tuple[Callable[[], object], ...] = (write, lambda: os.fsync(writing), read, read)
        for step, act in zip(_STEPS, actions, strict=True):
            passed, used = time.perf_counter(), time.process_time()
            act()
            figures.add(step, way, time.perf_counter() - passed)
            figures.add(f"{step}, processor", way, time.process_time() - used)
    path.unlink()


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = os.open(path, flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def main(arguments: argparse.Namespace) -> None:
    rest = Rest(arguments.patience)
    figures = Figures()
    with scratch_directory(arguments.directory) as directory:
        print_machine(directory, (), ())
        for _ in range(arguments.rounds):
            for way in _PIECES:
                rest.wait()
                measure(way, directory / "blob", 64 * MIB if arguments.quick else GIB, figures)
    print_table(
        f"Seconds, medians of {arguments.rounds} rounds",
        ("", *_PIECES, *(f"{way}, processor" for way in _PIECES)),
        [
            (
                step,
                *(number(figures.median(step, way)) for way in _PIECES),
                *(number(figures.median(f"{step}, processor", way)) for way in _PIECES),
            )
            for step in _STEPS
        ],
    )
    rest.print_summary()


if __name__ == "__main__":
    main(parse_arguments(__doc__))
