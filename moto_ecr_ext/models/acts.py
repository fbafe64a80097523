"""Acts that have consequences in other parts of the backend: a push, and a deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.storage.rows.images import ImageKey

from .repositories.repository import Repository


@dataclass(frozen=True, slots=True)
class Push:
    """An image that was pushed, or came back from the archive.

    `new_tag` is None for an image that was not there, or not active, before: it has come with all of its tags. An image
    that was there and active has got this tag.
    """

    repository: Repository
    image: ImageKey
    manifest: Manifest
    new_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted from a repository: a tag of an image, or, if `tag` is None, images with all of their tags."""

    repository: Repository
    digests: Sequence[str]
    tag: str | None = None
