"""Failures of the server itself."""

from __future__ import annotations

from .base import ECRError


class ServerException(ECRError):
    """An internal failure; the log has the details."""

    status = 500
    message = "These errors are usually caused by a server-side issue."


class StorageUnavailable(ServerException):
    """A failure of the blob store, or of another process of the server, which does not answer. A retry may succeed."""

    status = 503
