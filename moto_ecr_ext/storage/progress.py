"""How far long work has come, told to whoever shows it. By default nobody does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Instructions of SQLite's machine between two ticks, which are some milliseconds.
_INSTRUCTIONS = 1_000_000


class Work(Protocol):
    """Work under way."""

    def advance(self, count: int = 1) -> None:
        """Count more of it as done."""

    def tick(self) -> None:
        """Say that it goes on, though nothing more of it is done."""


Show = Callable[[str, int, str], AbstractContextManager[Work]]
"""Shows work, of a name, a total and its unit, while its context lasts."""

_show: ContextVar[Show | None] = ContextVar("moto_ecr_progress", default=None)


class _Unseen:
    """Work that nobody looks at."""

    def advance(self, count: int = 1) -> None:
        """Do nothing."""

    def tick(self) -> None:
        """Do nothing."""


@contextmanager
def showing(show: Show) -> Iterator[None]:
    """Have the work of this block shown."""
    token = _show.set(show)
    try:
        yield
    finally:
        _show.reset(token)


@contextmanager
def work(name: str, total: int, unit: str) -> Iterator[Work]:
    """Do work in this block, and say how far it has come by what this gives."""
    show = _show.get()
    if show is None:
        yield _Unseen()
        return
    with show(name, total, unit) as shown:
        yield shown


@contextmanager
def ticking(connection: Connection, running: Work) -> Iterator[None]:
    """Have statements of this block tick, which may take minutes; on SQLite alone."""
    driver: Any = connection.connection.driver_connection
    if _show.get() is None or not hasattr(driver, "set_progress_handler"):
        yield
        return
    # SQLite goes on as long as the handler returns nothing.
    driver.set_progress_handler(running.tick, _INSTRUCTIONS)
    try:
        yield
    finally:
        driver.set_progress_handler(None, 0)
