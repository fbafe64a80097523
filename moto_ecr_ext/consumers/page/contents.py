"""The contents of manifests and configurations, read tolerantly: both may be any JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.oci.descriptors import Descriptor
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import IMAGE_CONFIG_TYPES, SCHEMA_1_TYPES

# Bytes. A larger configuration is not shown.
LARGEST_CONFIG = 1024 * 1024

# How many times as long indentation may make a document, and how many characters more: deep nesting would make it huge.
_MOST_GROWTH = 4
_MOST_INDENT = 64 * 1024

# BuildKit's annotation of attestation manifests in an index.
_ATTESTATION = "vnd.docker.reference.type"
_ATTESTED = "vnd.docker.reference.digest"


@dataclass(frozen=True)
class Step:
    """A step in the build of an image: the command, and the layer that it added, if any.

    `share` is the layer's share of all bytes, in thousandths; `offset` is the sum of the shares before it.
    """

    number: int | None
    command: str
    created_at: str
    layer: Descriptor | None
    share: float = 0
    offset: float = 0


@dataclass(frozen=True)
class Platform:
    """A child of an index, and its purpose."""

    digest: str
    size: int
    media_type: str | None
    name: str
    attests: str | None


def read_manifest(content: bytes, media_type: str) -> Manifest | None:
    """Return a manifest, or None for other bytes, such as those of a placeholder."""
    try:
        return parse_manifest(content, media_type)
    except ECRError:
        return None


def pretty(content: bytes) -> str:
    """Return a JSON document with indentation; other bytes, and a document that it would make huge, as text."""
    text = content.decode("utf-8", "replace")
    left = _MOST_GROWTH * len(text) + _MOST_INDENT
    pieces = []
    try:
        for piece in json.JSONEncoder(indent=2, ensure_ascii=False).iterencode(json.loads(text)):
            pieces.append(piece)
            left -= len(piece)
            if left < 0:
                return text
    except (ValueError, RecursionError):
        return text
    return "".join(pieces)


def read_object(content: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one for any other value."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


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


def steps_of(manifest: Manifest, config: Mapping[str, Any], sizes: Mapping[str, int]) -> list[Step]:
    """Return the steps of a history with their layers, followed by layers without a step."""
    layers = layers_of(manifest)
    whole = sum(_size(each, sizes) for each in layers) or 1
    numbers = count(1)
    found: list[Step] = []
    behind = 0
    for command, created_at, layer in _paired(layers, config):
        length = _size(layer, sizes) if layer else 0
        number = next(numbers) if layer else None
        found.append(
            Step(number, command, created_at, layer, 1000 * length / whole, 1000 * behind / whole)
        )
        behind += length
    return found


def _size(layer: Descriptor, sizes: Mapping[str, int]) -> int:
    return sizes.get(layer.digest, layer.size or 0)


def _paired(
    layers: Iterable[Descriptor], config: Mapping[str, Any]
) -> Iterator[tuple[str, str, Descriptor | None]]:
    waiting = iter(layers)
    for entry in as_list(config.get("history")):
        if not isinstance(entry, dict):
            continue
        command = _command(entry.get("created_by")) or _text(entry.get("comment"))
        is_empty = entry.get("empty_layer") is True
        layer = None if is_empty else next(waiting, None)
        yield command, _text(entry.get("created")), layer
    for layer in waiting:
        yield "", "", layer


def _command(text: object) -> str:
    """Return a command without the prefix that builders add."""
    command = _text(text).strip()
    command = command.removeprefix("/bin/sh -c ").removeprefix("#(nop) ").strip()
    command = command.removeprefix("RUN /bin/sh -c ").removesuffix("# buildkit").strip()
    return command


def facts_of(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the most useful facts of a configuration, with their names."""
    inner = config.get("config")
    settings: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    facts = [
        ("Platform", platform_name(config)),
        ("Created", _text(config.get("created"))),
        ("Author", _text(config.get("author"))),
        ("Entry point", _words(settings.get("Entrypoint"))),
        ("Command", _words(settings.get("Cmd"))),
        ("Working directory", _text(settings.get("WorkingDir"))),
        ("User", _text(settings.get("User"))),
        ("Ports", _names(settings.get("ExposedPorts"))),
        ("Volumes", _names(settings.get("Volumes"))),
        ("Stop signal", _text(settings.get("StopSignal"))),
    ]
    return [(name, value) for name, value in facts if value]


def labels_of(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the labels of a configuration."""
    inner = config.get("config")
    return texts_of(inner.get("Labels") if isinstance(inner, dict) else None)


def environment_of(config: Mapping[str, Any]) -> list[str]:
    """Return the variables of a configuration."""
    inner = config.get("config")
    return [_text(each) for each in as_list(inner.get("Env") if isinstance(inner, dict) else None)]


def texts_of(value: object) -> list[tuple[str, str]]:
    """Return the members of an object of texts, such as annotations, in their order."""
    return [(key, _text(each)) for key, each in value.items()] if isinstance(value, dict) else []


def platforms_of(manifest: Manifest) -> list[Platform]:
    """Return the children of an index, in its order."""
    found = []
    for entry in as_list(read_object(manifest.content).get("manifests")):
        if not isinstance(entry, dict):
            continue
        annotations = dict(texts_of(entry.get("annotations")))
        is_attestation = annotations.get(_ATTESTATION) == "attestation-manifest"
        size = entry.get("size")
        found.append(
            Platform(
                digest=_text(entry.get("digest")),
                size=size if isinstance(size, int) else 0,
                media_type=_text(entry.get("mediaType")) or None,
                name=platform_name(entry.get("platform")),
                attests=annotations.get(_ATTESTED, "") if is_attestation else None,
            )
        )
    return found


def platform_name(value: object) -> str:
    """Return the name of a platform, such as `linux/arm64/v8`; an empty text without a platform."""
    if not isinstance(value, dict):
        return ""
    parts = [_text(value.get(key)) for key in ("os", "architecture", "variant")]
    return "/".join(filter(None, parts))


def as_list(value: object) -> list[Any]:
    """Return a list as it is, and an empty list for any other value."""
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    """Return a text as it is, an empty text for None, and any other value as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _words(value: object) -> str:
    """Return the words of a command in the form of a Dockerfile."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else _text(value)


def _names(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, dict) else ""
