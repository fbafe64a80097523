"""Reversible replacement of attributes of moto's classes and modules."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

# Removes a seam.
Unplug = Callable[[], None]


def replace(owner: type[Any] | ModuleType, name: str, replacement: object) -> Unplug:
    """Replace an attribute of a class or module. Return a function that restores the previous or inherited one."""
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
    """Return a function that undoes several changes, the last one first."""

    def put_back() -> None:
        for unplug in reversed(unplugs):
            unplug()

    return put_back
