"""How rules answer: as AWS, unless a leniency applies."""

from __future__ import annotations

from moto_ecr_ext.settings.leniencies import Leniency

from .notices import report


class Answers:
    """The answers to questions about one noun. `leniencies` are those with which moto's answer applies."""

    __slots__ = ("_leniencies",)

    def __init__(self, leniencies: frozenset[Leniency]):
        self._leniencies = leniencies

    def _is_on(self, leniency: Leniency) -> bool:
        """Return True if moto's answer applies."""
        return leniency in self._leniencies

    def _applies(self, leniency: Leniency, about: str) -> bool:
        """Return True if moto's answer applies to `about`, a few words. Listeners are notified in both cases."""
        applies = leniency in self._leniencies
        report(leniency, about, applies)
        return applies
