"""Configurations of images: their history, and the members that a container needs.

OCI Image Specification 1.1, "Image Configuration".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .descriptors import Descriptor
from .manifests import Manifest
from .media_types import IMAGE_CONFIG_TYPES, SCHEMA_1_TYPES

# Bytes. A larger configuration is not read; podman and skopeo have the same limit:
# https://github.com/containers/image/blob/main/internal/iolimits/iolimits.go
LARGEST_CONFIG = 4 * 1024 * 1024


@dataclass(frozen=True)
class ImageConfig:
    """The members of a configuration that a container needs."""

    architecture: str
    diff_ids: tuple[str, ...]
    entry_point: list[str]
    command: list[str]
    working_directory: str

    @classmethod
    def parse(cls, document: Any) -> ImageConfig:
        """Read a configuration. Raises ValueError, or another error for a value of a wrong type."""
        config: Mapping[str, Any] = document.get("config") or {}
        return cls(
            architecture=_text(document.get("architecture", "")),
            diff_ids=tuple(_texts(document["rootfs"]["diff_ids"])),
            entry_point=_texts(config.get("Entrypoint")),
            command=_texts(config.get("Cmd")),
            working_directory=_text(config.get("WorkingDir") or ""),
        )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _texts(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(value)
    return [_text(each) for each in value]


def has_config(manifest: Manifest) -> bool:
    """Return True if the first blob of a manifest is the configuration of a container's image."""
    return (
        not manifest.is_index
        and manifest.media_type not in SCHEMA_1_TYPES
        and bool(manifest.blobs)
        and manifest.blobs[0].media_type in IMAGE_CONFIG_TYPES
    )


def layers_of(manifest: Manifest) -> tuple[Descriptor, ...]:
    """Return the layers of a manifest, or the blobs that an index lists, lowest first."""
    if manifest.is_index:
        return manifest.blobs
    # Schema 1 has the lowest layer last, and no configuration.
    return manifest.blobs[::-1] if manifest.media_type in SCHEMA_1_TYPES else manifest.blobs[1:]


def history_of(
    manifest: Manifest, config: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], Descriptor | None]]:
    """Yield each entry of the history with the layer that it added, or None, lowest first.

    Layers that the history lacks follow, each with an empty entry. An entry that is not an object is left out.
    """
    layers = iter(layers_of(manifest))
    history = config.get("history")
    for entry in history if isinstance(history, list) else ():
        if isinstance(entry, dict):
            yield entry, None if entry.get("empty_layer") is True else next(layers, None)
    for layer in layers:
        yield {}, layer
