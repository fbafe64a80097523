"""Errors of the members of a request."""

from __future__ import annotations

from .base import ECRError


class InvalidParameterException(ECRError):
    @classmethod
    def at(cls, field: str, constraint: str) -> InvalidParameterException:
        """Return the error with the general form of ECR's texts."""
        return cls(f"Invalid parameter at '{field}' failed to satisfy constraint: '{constraint}'")


class UnknownPage(InvalidParameterException):
    """A `nextToken` that no listing returned."""

    message = "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid continuation token'"


class InvalidContinuationToken(UnknownPage):
    """One that no listing of images returned."""


class ValidationException(ECRError):
    """The error of newer operations for input with a meaning that they refuse. Others use InvalidParameterException."""
