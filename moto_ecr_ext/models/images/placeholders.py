"""Placeholder images: texts that stand for images without being their manifests, as moto accepts them.

The JSON API lists, describes, tags and deletes a placeholder under the digest that moto would give it. The registry
protocol does not serve it. It refers to no blobs and no manifests, whatever its text names.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

from moto_ecr_ext.compatibility import (
    DIGESTS_OF_LAYERS,
    MADE_UP_DIGESTS,
    MISSING_LAYERS,
    MISSING_MEDIA_TYPES,
    OTHER_MEDIA_TYPES,
    PLACEHOLDER_MANIFESTS,
)
from moto_ecr_ext.exceptions import (
    ECRError,
    ImageDigestDoesNotMatchException,
    InvalidParameterException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.repositories.repository import Repository
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import DOCKER_MANIFEST, MediaType
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import View
from moto_ecr_ext.storage.rows.images import Content

log = logging.getLogger("moto_ecr_ext")

# The size in moto of an image whose config has no size, in bytes.
_UNKNOWN_SIZE = 50 * 1024 * 1024
# The largest integer of all supported databases.
_LARGEST_SIZE = 2**63 - 1
_LONGEST_NAME = 1024


class Placeholder(Manifest):
    """A text that stands for an image, in `content`."""

    __slots__ = ()

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Placeholder:
        """Return the placeholder of a text. `media_type` may differ from the media type in the text."""
        return cls(content, MediaType(media_type), (), (), None, _artifact_type(content), None)

    @property
    def size(self) -> int | None:
        """The size of the image in moto: the size in its config, or 50 MiB; None without layers."""
        document = _document(self.content) or {}
        if "layers" not in document:
            return None
        config = document.get("config")
        size = config.get("size") if isinstance(config, dict) else None
        return size if type(size) is int and 0 <= size <= _LARGEST_SIZE else _UNKNOWN_SIZE


def stored_manifest(content: Content) -> Manifest:
    """Return the manifest or the placeholder that is stored."""
    if content.is_placeholder:
        return Placeholder.of(content.manifest, content.media_type)
    return parse_manifest(content.manifest, content.media_type)


def warn_of_placeholders(registry: RegistryBackend) -> None:
    """Log the placeholders of a registry, if the settings do not allow new ones."""
    if any(each.is_on for each in (PLACEHOLDER_MANIFESTS, MADE_UP_DIGESTS, DIGESTS_OF_LAYERS)):
        return
    with registry.store.database.read() as view:
        count = rows.images.count_of_placeholders(view)
    if count:
        log.warning(
            "There are placeholder images (%s), which compatibility=moto accepted. They stay listed, and the registry "
            "protocol does not serve them. BatchDeleteImage deletes them.",
            count,
        )


def read_image(
    view: View,
    repository: Repository,
    content: bytes,
    media_type: str | None,
    claimed_digest: str | None,
    check: Callable[[Manifest], None],
) -> tuple[Manifest, str]:
    """Return the manifest that PutImage pushes, once `check` has accepted it, or a placeholder for it; and its digest.

    Raises AWS's error for a manifest that is refused, unless a leniency accepts it as a placeholder.
    """
    try:
        manifest = parse_manifest(content, media_type)
        check(manifest)
    except ECRError:
        # The error holds the frames that parsed the text. Stored in a variable of one, it would keep them until the
        # next collection of cycles, and the document of a large text with them.
        placeholder = _placeholder_for(content, media_type)
        if placeholder is None:
            raise
        manifest = placeholder
    digest = Digest.of(content)
    if claimed_digest is not None and claimed_digest != digest:
        if not (_is_storable(claimed_digest) and MADE_UP_DIGESTS.applies(claimed_digest)):
            raise ImageDigestDoesNotMatchException(claimed_digest, repository)
        manifest = Placeholder.of(content, manifest.media_type)
    elif _was_never_uploaded(view, repository, manifest):
        manifest = Placeholder.of(content, manifest.media_type)
    if not isinstance(manifest, Placeholder):
        return manifest, digest
    return manifest, _digest_of(view, repository, content, claimed_digest)


def _placeholder_for(content: bytes, given: str | None) -> Placeholder | None:
    """Return the placeholder for a text that is not a manifest; None if no leniency accepts it.

    Raises InvalidParameterException with moto's message for a manifest without a media type, if that is moto's answer.
    """
    document = _document(content)
    own = (document or {}).get("mediaType")
    media_type = given or (own if isinstance(own, str) else None)
    if media_type is None and document is not None:
        if MISSING_MEDIA_TYPES.applies("a manifest without a media type"):
            raise InvalidParameterException(
                "image manifest mediatype not provided in manifest or parameter"
            )
        return None
    if given is not None and given != own and _is_manifest(content, own):
        leniency, about = OTHER_MEDIA_TYPES, f"{given} for a manifest of type {own}"
    else:
        leniency, about = PLACEHOLDER_MANIFESTS, f"the manifest {_beginning(content)}"
    media_type = media_type or DOCKER_MANIFEST
    if not (_is_storable(media_type) and leniency.applies(about)):
        return None
    return Placeholder.of(content, media_type)


def _is_manifest(content: bytes, media_type: object) -> bool:
    """Return True if a text is a manifest of the media type in it."""
    try:
        parse_manifest(content, None)
    except ECRError:
        return False
    return isinstance(media_type, str)


def _was_never_uploaded(view: View, repository: Repository, manifest: Manifest) -> bool:
    """Return True if a manifest is stored as a placeholder because the repository holds none of its blobs."""
    blobs = [blob.digest for blob in manifest.blobs if blob.is_distributed]
    if not manifest.blobs or not MISSING_LAYERS.is_on:
        return False
    if rows.blobs.held(view, repository.id, list(dict.fromkeys(blobs))):
        return False
    return DIGESTS_OF_LAYERS.applies("an image without its layers")


def _digest_of(view: View, repository: Repository, text: bytes, claimed: str | None) -> str:
    """Return the digest that moto gives a placeholder: its previous one, the claimed one, or that of its layers.

    In moto, images can share a digest. Here, if another image of the repository has that digest, this text gets the
    digest of its bytes.
    """
    own = Digest.of(text)
    before = rows.images.placeholder_of(view, repository.id, own)
    if before is not None:
        return before
    for digest in (claimed, _digest_of_layers(text)):
        if digest is not None and rows.images.by_digest(view, repository.id, digest) is None:
            return digest
    return own


def _digest_of_layers(text: bytes) -> str | None:
    """Return the digest that moto computes from the digests of the layers; None if the text lists none."""
    layers = (_document(text) or {}).get("layers")
    if not DIGESTS_OF_LAYERS.is_on or not isinstance(layers, list):
        return None
    digests = [layer.get("digest") for layer in layers if isinstance(layer, dict)]
    texts = [each for each in digests if isinstance(each, str)]
    if len(texts) < len(layers):
        return None
    return Digest.of("".join(texts).encode("utf-8", "surrogatepass"))


def _artifact_type(content: bytes) -> MediaType | None:
    """Return the media type of the config in a text, if there is one."""
    config = (_document(content) or {}).get("config")
    name = config.get("mediaType") if isinstance(config, dict) else None
    try:
        return MediaType.parse(name) if isinstance(name, str) else None
    except ValueError:
        return None


def _document(content: bytes) -> dict[str, Any] | None:
    """Return a text as a JSON object; None if it is anything else."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _is_storable(text: str) -> bool:
    """Return True if every database can store a digest or a media type."""
    try:
        return 0 < len(text.encode()) <= _LONGEST_NAME and "\0" not in text
    except UnicodeEncodeError:
        return False


def _beginning(content: bytes) -> str:
    text = content[:60].decode("utf-8", "replace")
    return repr(text if len(content) <= 60 else f"{text}…")
