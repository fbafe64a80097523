"""Progress of long work, for an observer. By default nobody observes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Instructions of SQLite's virtual machine between two ticks: some milliseconds.
_INSTRUCTIONS = 1_000_000


class Work(Protocol):
    """Work under way."""

    def advance(self, count: int = 1) -> None:
        """Count `count` more units as done."""

    def tick(self) -> None:
        """Report that the work continues, without new units."""


Show = Callable[[str, int, str], AbstractContextManager[Work]]
"""A context manager that shows work, given its name, total and unit."""

_show: ContextVar[Show | None] = ContextVar("moto_ecr_progress", default=None)
_under_way: ContextVar[Work | None] = ContextVar("moto_ecr_work", default=None)


class _Unseen:
    """Work without an observer."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Show the work of this block with `show`."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


@contextmanager
def work(name: str, total: int, unit: str) -> Iterator[Work]:
    """Do work in this block, and report its progress to the yielded object."""
    show = _show.get()
    if show is None:
        yield _Unseen()
        return
    with show(name, total, unit) as shown:
        token = _under_way.set(shown)
        try:
            yield shown
        finally:
            _under_way.reset(token)


def tick() -> None:
    """Report that the work around this call continues, if there is any."""
    running = _under_way.get()
    if running is not None:
        running.tick()


@contextmanager
def ticking(connection: Connection, running: Work) -> Iterator[None]:
    """Tick during the statements of this block, which may take minutes; on SQLite alone."""
    driver: Any = connection.connection.driver_connection
    if _show.get() is None or not hasattr(driver, "set_progress_handler"):
        yield
        return
    # SQLite continues as long as the handler returns None.
    driver.set_progress_handler(running.tick, _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
