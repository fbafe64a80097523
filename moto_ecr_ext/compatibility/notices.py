"""Notices: where AWS's way was taken and stock moto would have done something else.

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

log = logging.getLogger("moto_ecr_ext")


@dataclass(frozen=True)
class Notice:
    """A leniency that did not apply: to which action of the API, and about what."""

    leniency: Leniency
    action: str
    about: str


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


def report(leniency: Leniency, about: str) -> None:
    """Tell the listeners, or else the log, that a leniency did not apply to the current call."""
    caller = current_caller()
    notice = Notice(leniency, caller.action.removeprefix("ecr:") if caller else "", about)
    for listener in list(_listeners):
        listener(notice)
    if not _listeners and leniency.is_refusal and leniency.name not in _logged:
        _logged.add(leniency.name)
        log.warning(
            "%s: %s is refused, as on AWS. %s %s Stock moto accepts it, and so does the setting "
            'compatibility=moto, or "moto: %s". This is logged once.',
            notice.action,
            about,
            leniency.aws,
            leniency.instead,
            leniency.name,
        )
