"""Replacing attributes of moto's classes and modules, with a way back."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

# Takes a seam out again.
Unplug = Callable[[], None]


def replace(owner: type[Any] | ModuleType, name: str, replacement: object) -> Unplug:
    """Give a class or module another attribute. Return what puts back the one that it had, or inherited."""
    is_its_own = name in vars(owner)
    original = vars(owner).get(name)
    setattr(owner, name, replacement)

    def put_back() -> None:
        if is_its_own:
            setattr(owner, name, original)
        else:
            delattr(owner, name)

    return put_back


def replace_all(*unplugs: Unplug) -> Unplug:
    """Return what takes out several changes, the last one first."""

    def put_back() -> None:
        for unplug in reversed(unplugs):
            unplug()

    return put_back
