"""Notices of calls for which stock moto and AWS differ, and of the behaviour that was chosen.

The pytest plugin listens to them. Without a listener, the log has each kind of refusal once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from moto_ecr_ext.caller import current_caller
from moto_ecr_ext.settings.leniencies import Leniency

# The greatest number of characters of a user's text.
_LONGEST = 100

log = logging.getLogger("moto_ecr_ext")


@dataclass(frozen=True)
class Notice:
    """A leniency that a call asked, its result in `applied`, the action of the call, and the subject."""

    leniency: Leniency
    action: str
    about: str
    applied: bool


_listeners: list[Callable[[Notice], None]] = []
# The names of the leniencies that were logged.
_logged: set[str] = set()


@contextmanager
def listening(listener: Callable[[Notice], None]) -> Iterator[None]:
    """Call `listener` with each notice during this block. Nothing is logged meanwhile."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


# The operation whose parameters are checked, before the caller is known.
_checked: ContextVar[str] = ContextVar("moto_ecr_checked_operation", default="A request")


@contextmanager
def checking(operation: str) -> Iterator[None]:
    """Name the operation in the notices of this block, which checks its parameters for no caller."""
    token = _checked.set(operation)
    try:
        yield
    finally:
        _checked.reset(token)


def report(leniency: Leniency, about: str, applied: bool) -> None:
    """Notify the listeners that a leniency applied to the current call or not. Without listeners, log a refusal."""
    if not _listeners and (applied or not leniency.is_refusal or leniency.name in _logged):
        return
    caller = current_caller()
    action = caller.action.removeprefix("ecr:") if caller else _checked.get()
    notice = Notice(leniency, action, " ".join(about.split())[:_LONGEST], applied)
    for listener in list(_listeners):
        listener(notice)
    if not _listeners:
        _logged.add(leniency.name)
        log.warning(
            "%s: %s is refused, as on AWS. %s %s Stock moto accepts it, and so does the setting "
            'compatibility=moto, or "moto: %s". This is logged once.',
            notice.action,
            notice.about,
            leniency.aws,
            leniency.instead,
            leniency.name,
        )
