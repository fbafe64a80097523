"""The contents of manifests and configurations, read tolerantly: both may be any JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.oci.configuration import history_of, layers_of
from moto_ecr_ext.oci.descriptors import Descriptor
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.members import read_object
from moto_ecr_ext.oci.platforms import platform_name, text_of

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


def steps_of(manifest: Manifest, config: Mapping[str, Any], sizes: Mapping[str, int]) -> list[Step]:
    """Return the steps of a history with their layers, followed by layers without a step."""
    whole = sum(_size(each, sizes) for each in layers_of(manifest)) or 1
    numbers = count(1)
    found: list[Step] = []
    behind = 0
    for entry, layer in history_of(manifest, config):
        length = _size(layer, sizes) if layer else 0
        found.append(
            Step(
                number=next(numbers) if layer else None,
                command=_command(entry.get("created_by")) or text_of(entry.get("comment")),
                created_at=text_of(entry.get("created")),
                layer=layer,
                share=1000 * length / whole,
                offset=1000 * behind / whole,
            )
        )
        behind += length
    return found


def _size(layer: Descriptor, sizes: Mapping[str, int]) -> int:
    return sizes.get(layer.digest, layer.size or 0)


def _command(text: object) -> str:
    """Return a command without the prefix that builders add."""
    command = text_of(text).strip()
    command = command.removeprefix("/bin/sh -c ").removeprefix("#(nop) ").strip()
    command = command.removeprefix("RUN /bin/sh -c ").removesuffix("# buildkit").strip()
    return command


def facts_of(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the most useful facts of a configuration, with their names."""
    inner = config.get("config")
    settings: Mapping[str, Any] = inner if isinstance(inner, dict) else {}
    facts = [
        ("Platform", platform_name(config)),
        ("Created", text_of(config.get("created"))),
        ("Author", text_of(config.get("author"))),
        ("Entry point", _words(settings.get("Entrypoint"))),
        ("Command", _words(settings.get("Cmd"))),
        ("Working directory", text_of(settings.get("WorkingDir"))),
        ("User", text_of(settings.get("User"))),
        ("Ports", _names(settings.get("ExposedPorts"))),
        ("Volumes", _names(settings.get("Volumes"))),
        ("Stop signal", text_of(settings.get("StopSignal"))),
    ]
    return [(name, value) for name, value in facts if value]


def labels_of(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the labels of a configuration."""
    inner = config.get("config")
    return texts_of(inner.get("Labels") if isinstance(inner, dict) else None)


def environment_of(config: Mapping[str, Any]) -> list[str]:
    """Return the variables of a configuration."""
    inner = config.get("config")
    return [
        text_of(each) for each in as_list(inner.get("Env") if isinstance(inner, dict) else None)
    ]


def texts_of(value: object) -> list[tuple[str, str]]:
    """Return the members of an object of texts, such as annotations, in their order."""
    return [(key, text_of(each)) for key, each in value.items()] if isinstance(value, dict) else []


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
                digest=text_of(entry.get("digest")),
                size=size if isinstance(size, int) else 0,
                media_type=text_of(entry.get("mediaType")) or None,
                name=platform_name(entry.get("platform")),
                attests=annotations.get(_ATTESTED, "") if is_attestation else None,
            )
        )
    return found


def as_list(value: object) -> list[Any]:
    """Return a list as it is, and an empty list for any other value."""
    return value if isinstance(value, list) else []


def _words(value: object) -> str:
    """Return the words of a command in the form of a Dockerfile."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list) else text_of(value)


def _names(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, dict) else ""
