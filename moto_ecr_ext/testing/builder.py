"""Images, indexes and artifacts, built with the same bytes on every Python and machine."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import Any

from moto_ecr_ext.oci.media_types import OCI_EMPTY

from .layers import Compression, Files, build_layer, diff_id_of
from .values import OCI, Blob, Image, ImageError, Index, MediaTypes

_EPOCH = "1970-01-01T00:00:00Z"


def build_image(
    *,
    seed: int | str = 0,
    layers: int | Sequence[Blob] | None = None,
    layer_size: int = 1024,
    files: Files | Sequence[Files] | None = None,
    architecture: str = "amd64",
    os: str = "linux",
    variant: str | None = None,
    config: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    compression: Compression = "gzip",
    media_types: MediaTypes = OCI,
) -> Image:
    """Build an image.

    Its first layers are `layers`: a number of generated layers, or finished layers from `build_layer` or another image.
    Each of `files` adds a layer. Without both, the image has two generated layers. A generated layer holds one file of
    `layer_size` bytes, and is a little larger itself; generated layers of different seeds are different.

    `config` is the configuration of containers (`Cmd`, `Env`, `Labels`, ...). `annotations` are added to the manifest.
    Raises ImageError for a negative number of layers or bytes.
    """
    if layers is None:
        layers = 2 if files is None else 0
    if isinstance(layers, int):
        seeds = _seeds_of_layers(seed, layers)
        layers = [
            build_layer(
                seed=each, size=layer_size, compression=compression, media_types=media_types
            )
            for each in seeds
        ]
    elif isinstance(layers, (str, float)):
        raise ImageError(
            f"layers={layers!r}: give a number of layers, or a list of finished layers."
        )
    all_layers: list[Blob] = [*layers]
    for added in _one_or_many(files):
        all_layers.append(build_layer(added, compression=compression, media_types=media_types))
    image_config = {
        "created": _EPOCH,
        "architecture": architecture,
        **({"variant": variant} if variant else {}),
        "os": os,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [diff_id_of(layer) for layer in all_layers]},
        "history": [
            {"created": _EPOCH, "created_by": f"layer {number} of {len(all_layers)}"}
            for number in range(1, len(all_layers) + 1)
        ],
    }
    return assemble_image(
        media_types,
        config=Blob(_json_bytes(image_config), media_types.config),
        layers=all_layers,
        annotations=annotations,
    )


def build_index(
    images: Iterable[Image | Index],
    *,
    annotations: Mapping[str, str] | None = None,
    media_types: MediaTypes = OCI,
) -> Index:
    """Build an index of images, each with the platform that its configuration names.

    With `media_types=DOCKER` it is a manifest list.
    """
    images = tuple(images)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.index,
        "manifests": [index_entry(image) for image in images],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Index(_json_bytes(document), media_types.index, images)


def build_artifact(
    *,
    artifact_type: str,
    subject: Image | Index | None = None,
    content: bytes | None = None,
    media_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Image:
    """Build an OCI 1.1 artifact, such as a signature or an SBOM, that refers to `subject`.

    Its only layer is `content` under `media_type` (by default the artifact type). Without content, the layer is the
    empty blob `{}`, as the image specification advises; so are all configurations of artifacts.
    """
    empty = Blob(b"{}", OCI_EMPTY)
    layer = empty if content is None else Blob(content, media_type or artifact_type)
    return assemble_image(
        OCI,
        config=empty,
        layers=[layer],
        annotations=annotations,
        artifact_type=artifact_type,
        subject=subject,
    )


def assemble_image(
    media_types: MediaTypes,
    *,
    config: Blob,
    layers: Sequence[Blob],
    annotations: Mapping[str, str] | None = None,
    artifact_type: str | None = None,
    subject: Image | Index | None = None,
) -> Image:
    """Return the image whose manifest lists a finished configuration and finished layers."""
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.manifest,
        **({"artifactType": artifact_type} if artifact_type else {}),
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
        **({"subject": subject.descriptor()} if subject else {}),
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Image(_json_bytes(document), media_types.manifest, config, layers)


def index_entry(image: Image | Index) -> dict[str, Any]:
    """Return the descriptor by which an index lists `image`, with artifact type and platform."""
    descriptor = image.descriptor()
    if artifact_type := image.document.get("artifactType"):
        descriptor["artifactType"] = artifact_type
    if isinstance(image, Image) and (platform := image.platform):
        descriptor["platform"] = platform
    return descriptor


def _seeds_of_layers(seed: int | str, count: int) -> list[str]:
    """Return the seeds of `count` generated layers. Raises ImageError if it is negative."""
    if count < 0:
        raise ImageError(f"layers={count}: the number of layers cannot be negative.")
    return [f"{seed}/{number}" for number in range(count)]


def _one_or_many(files: Files | Sequence[Files] | None) -> list[Files]:
    if files is None:
        return []
    if isinstance(files, (str, PathLike, Mapping)):
        return [files]
    return list(files)


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
