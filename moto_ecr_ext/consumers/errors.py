"""Why an image cannot be used."""

from __future__ import annotations


class ConsumerError(Exception):
    """An image cannot be run; the message is a sentence that says why."""


class DaemonUnavailable(ConsumerError):
    """There is no docker daemon that answers, or no client for it."""


class ImageUnusable(ConsumerError):
    """The image is in the store, and no container can be made of it."""


class ImageGone(ConsumerError):
    """The image, or a layer of it, is not in the store any more."""
