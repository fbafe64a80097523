"""Errors about images that cannot be used."""

from __future__ import annotations


class ConsumerError(Exception):
    """The error for an image that cannot be run. Its message is a sentence with the reason."""


class DaemonUnavailable(ConsumerError):
    """The error for a docker daemon that does not respond, or a missing client."""


class ImageUnusable(ConsumerError):
    """The error for an image in the store from which no container can be created."""


class ImageGone(ConsumerError):
    """The error for an image, or one of its layers, that is no longer in the store."""
