"""Notices: calls in which stock moto and AWS part, and which way was taken.

The pytest plugin listens to them. Without a listener, the log has each kind of refusal once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from moto_ecr_ext.caller import current_caller

if TYPE_CHECKING:
    from . import Leniency

# Characters of what users have written.
_LONGEST = 100

log = logging.getLogger("moto_ecr_ext")


@dataclass(frozen=True)
class Notice:
    """A leniency that was asked, whether it `applied`, in which action of the API, and about what."""

    leniency: Leniency
    action: str
    about: str
    applied: bool


_listeners: list[Callable[[Notice], None]] = []
# The names of those that the log has.
_logged: set[str] = set()


@contextmanager
def listening(listener: Callable[[Notice], None]) -> Iterator[None]:
    """Call `listener` with each notice during this block; the log has none then."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


def report(leniency: Leniency, about: str, applied: bool) -> None:
    """Tell the listeners whether a leniency applied to the current call, or else the log that it did not."""
    if not _listeners and (applied or not leniency.is_refusal or leniency.name in _logged):
        return
    caller = current_caller()
    # Members are read before there is a caller.
    action = caller.action.removeprefix("ecr:") if caller else "A request"
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
