"""The error that a fault puts in the place of an answer."""

from __future__ import annotations

from .base import ECRError


class InjectedError(ECRError):
    """An error of any code."""

    def __init__(self, code: str, message: str, status: int):
        super().__init__(code, message)
        self.status = status
