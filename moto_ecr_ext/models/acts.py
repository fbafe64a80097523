"""Changes that have consequences in other parts of the backend: a push, and a deletion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moto_ecr_ext.oci.manifests import Manifest
from moto_ecr_ext.storage.rows.images import ImageKey

from .repositories.repository import Repository


@dataclass(frozen=True, slots=True)
class Push:
    """An image that was pushed, or restored from the archive.

    `new_tag` is the tag that an active image got. It has no value for an image that is new or restored, whose tags are
    all new.
    """

    repository: Repository
    image: ImageKey
    manifest: Manifest
    new_tag: str | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """A deletion in a repository: of a tag, or, without a `tag`, of images with all of their tags."""

    repository: Repository
    digests: Sequence[str]
    tag: str | None = None
