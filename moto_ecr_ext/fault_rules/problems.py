"""The error for a description of a fault, and the nearest right name in it."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class FaultError(ValueError):
    """A description of a fault that names nothing of ECR, or has an invalid value. Its text is one sentence."""


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Return the end of a sentence that names the nearest right name, regardless of upper and lower case."""
    by_lower = {each.lower(): each for each in names}
    found = get_close_matches(name.lower(), by_lower, 1, cutoff=0.0)
    return f"; did you mean {by_lower[found[0]]}?" if found else ""
