"""Placeholder images: texts that stand for images without being their manifests, as moto accepts them.

The JSON API lists, describes, tags and deletes a placeholder under the digest that moto would give it. The registry
protocol does not serve it. It refers to no blobs and no manifests, whatever its text names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest, read_manifest
from moto_ecr_ext.oci.media_types import DOCKER_MANIFEST, MediaType
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import Content
from moto_ecr_ext.storage.store import Store

log = logging.getLogger("moto_ecr_ext")

# The size in moto of an image whose config has no size, in bytes.
_UNKNOWN_SIZE = 50 * 1024 * 1024
# The largest integer of all supported databases.
_LARGEST_SIZE = 2**63 - 1
_LONGEST_NAME = 1024

# The media type of a text that names none.
DEFAULT_MEDIA_TYPE = DOCKER_MANIFEST


class PlaceholderText:
    """Any text in place of a manifest. It is parsed once."""

    def __init__(self, content: bytes):
        self.content = content

    @cached_property
    def document(self) -> dict[str, Any] | None:
        """The text as a JSON object; None if it is anything else."""
        try:
            document = json.loads(self.content)
        except (ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    @property
    def media_type(self) -> str | None:
        """The media type in the text."""
        own = (self.document or {}).get("mediaType")
        return own if isinstance(own, str) else None

    @property
    def beginning(self) -> str:
        """The first characters, quoted."""
        text = self.content[:60].decode("utf-8", "replace")
        return repr(text if len(self.content) <= 60 else f"{text}…")

    def is_manifest(self) -> bool:
        """Return True if the text is a manifest of the media type in it."""
        if self.document is None or self.media_type is None:
            return False
        try:
            read_manifest(self.content, self.document, None)
        except ECRError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Placeholder(Manifest):
    """A text that stands for an image, in `content`.

    `size` is the size of the image in moto: the size in its config, or 50 MiB; None without layers. `digest_of_layers`
    is the digest that moto computes from the digests of the layers; None if the text lists none.
    """

    size: int | None
    digest_of_layers: str | None

    @classmethod
    def of(cls, text: PlaceholderText, media_type: str) -> Placeholder:
        """Return the placeholder of a text. `media_type` may differ from the media type in the text."""
        document = text.document or {}
        return cls(
            content=text.content,
            media_type=MediaType(media_type),
            blobs=(),
            children=(),
            subject=None,
            artifact_type=_artifact_type(document),
            annotations=None,
            size=_size(document),
            digest_of_layers=_digest_of_layers(document),
        )


def stored_manifest(content: Content) -> Manifest:
    """Return the manifest or the placeholder that is stored."""
    if content.is_placeholder:
        return Placeholder.of(PlaceholderText(content.manifest), content.media_type)
    return parse_manifest(content.manifest, content.media_type)


def warn_of_placeholders(store: Store) -> None:
    """Log the number of placeholders in a store that accepts no new ones."""
    with store.database.read() as view:
        count = rows.images.count_of_placeholders(view)
    if count:
        log.warning(
            "There are placeholder images (%s), which compatibility=moto accepted. They stay listed, and the registry "
            "protocol does not serve them. BatchDeleteImage deletes them.",
            count,
        )


def has_layers(view: View, repository_id: int, manifest: Manifest) -> bool:
    """Return True if a repository has some of the blobs of a manifest."""
    blobs = dict.fromkeys(blob.digest for blob in manifest.blobs if blob.is_distributed)
    return bool(rows.blobs.held(view, repository_id, list(blobs)))


def free_digest(view: View, repository_id: int, own: str, wanted: Iterable[str | None]) -> str:
    """Return the digest that moto gives a placeholder: its previous one, or the first of those that are wanted.

    `own` is the digest of its bytes. In moto, images can share a digest. Here, if another image of the repository has
    each wanted digest, this one gets its own.
    """
    before = rows.images.placeholder_of(view, repository_id, own)
    if before is not None:
        return before
    for digest in wanted:
        if digest is not None and rows.images.by_digest(view, repository_id, digest) is None:
            return digest
    return own


def is_storable(text: str) -> bool:
    """Return True if every database can store a digest or a media type."""
    try:
        return 0 < len(text.encode()) <= _LONGEST_NAME and "\0" not in text
    except UnicodeEncodeError:
        return False


def _size(document: dict[str, Any]) -> int | None:
    if "layers" not in document:
        return None
    config = document.get("config")
    size = config.get("size") if isinstance(config, dict) else None
    return size if type(size) is int and 0 <= size <= _LARGEST_SIZE else _UNKNOWN_SIZE


def _digest_of_layers(document: dict[str, Any]) -> str | None:
    layers = document.get("layers")
    if not isinstance(layers, list):
        return None
    digests = [layer.get("digest") for layer in layers if isinstance(layer, dict)]
    texts = [each for each in digests if isinstance(each, str)]
    if len(texts) < len(layers):
        return None
    return Digest.of("".join(texts).encode("utf-8", "surrogatepass"))


def _artifact_type(document: dict[str, Any]) -> MediaType | None:
    """Return the media type of the config in a text, if there is one."""
    config = document.get("config")
    name = config.get("mediaType") if isinstance(config, dict) else None
    try:
        return MediaType.parse(name) if isinstance(name, str) else None
    except ValueError:
        return None
