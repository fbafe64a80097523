"""Rows that only the page reads."""

from . import searches, usage

__all__ = ["searches", "usage"]
