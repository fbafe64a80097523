"""Modules that Python has on some platforms only."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def module(name: str) -> Any:
    """Return a module of Python's library, or None where there is none."""
    return import_module(name) if find_spec(name) else None
