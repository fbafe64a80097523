"""Modules of Python's library that only some platforms have."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def module(name: str) -> Any:
    """Return a module of Python's library, or None if it does not exist here."""
    return import_module(name) if find_spec(name) else None
