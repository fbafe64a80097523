"""Configurations of images: the history with its layers, and the members that a container needs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from moto_ecr_ext.oci.configuration import ImageConfig, has_config, history_of, layers_of
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.media_types import DOCKER_SCHEMA_1, OCI_INDEX, OCI_MANIFEST
from moto_ecr_ext.testing import build_artifact, build_image, build_index

IMAGE = build_image(layers=3)
LAYERS = [layer.digest for layer in IMAGE.layers]
RUN = {"created_by": "RUN make"}
EMPTY = {"created_by": "ENV A=1", "empty_layer": True}


def manifest_of(content: bytes) -> Manifest:
    return parse_manifest(content, None)


def paired(history: Any, manifest: Manifest | None = None) -> list[tuple[Any, str | None]]:
    """The entries of a history, each with the digest of its layer."""
    manifest = manifest or manifest_of(IMAGE.manifest)
    pairs = history_of(manifest, {"history": history})
    return [(dict(entry), layer.digest if layer else None) for entry, layer in pairs]


def test_an_entry_has_the_layer_that_it_added() -> None:
    """Entries and layers have one order; an entry with an empty layer has none."""
    assert paired([RUN, EMPTY, RUN, EMPTY, RUN]) == [
        (RUN, LAYERS[0]),
        (EMPTY, None),
        (RUN, LAYERS[1]),
        (EMPTY, None),
        (RUN, LAYERS[2]),
    ]


def test_layers_without_an_entry_follow() -> None:
    """A history may be shorter than the list of layers, or missing."""
    assert paired([RUN]) == [(RUN, LAYERS[0]), ({}, LAYERS[1]), ({}, LAYERS[2])]
    assert [digest for _, digest in paired([])] == LAYERS


def test_entries_without_a_layer_are_kept() -> None:
    """A history may have more entries than there are layers."""
    assert paired([RUN] * 4)[3] == (RUN, None)


@pytest.mark.parametrize("history", [None, "text", {"created_by": "x"}, 7, [7, None, "x"]])
def test_a_malformed_history_has_no_entries(history: Any) -> None:
    """A configuration may be any JSON: only the layers remain."""
    assert paired(history) == [({}, digest) for digest in LAYERS]


def test_only_true_makes_a_layer_empty() -> None:
    """Another value of `empty_layer` is ignored."""
    entry = {"empty_layer": "true"}
    assert paired([entry])[0] == (entry, LAYERS[0])


def test_layers_of_schema_1_begin_with_the_last() -> None:
    """Schema 1 lists the lowest layer last, and has no configuration."""
    layers = [{"blobSum": digest} for digest in reversed(LAYERS)]
    content = json.dumps({"schemaVersion": 1, "fsLayers": layers}).encode()
    manifest = parse_manifest(content, DOCKER_SCHEMA_1)
    assert [each.digest for each in layers_of(manifest)] == LAYERS
    assert not has_config(manifest)


def test_only_the_image_of_a_container_has_a_configuration() -> None:
    """An index and an artifact have none."""
    artifact = build_artifact(artifact_type="application/vnd.example")
    assert has_config(manifest_of(IMAGE.manifest))
    assert manifest_of(artifact.manifest).media_type == OCI_MANIFEST
    assert not has_config(manifest_of(artifact.manifest))
    index = manifest_of(build_index([IMAGE]).manifest)
    assert index.media_type == OCI_INDEX
    assert not has_config(index)


def test_a_container_needs_few_members() -> None:
    """The command, the folder, the architecture and the layers; most may be missing."""
    document = {
        "architecture": "arm64",
        "rootfs": {"diff_ids": LAYERS},
        "config": {"Entrypoint": ["/app"], "Cmd": ["serve"], "WorkingDir": "/srv"},
    }
    assert ImageConfig.parse(document) == ImageConfig(
        "arm64", tuple(LAYERS), ["/app"], ["serve"], "/srv"
    )
    assert ImageConfig.parse({"rootfs": {"diff_ids": []}}) == ImageConfig("", (), [], [], "")


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"rootfs": {"diff_ids": "x"}},
        {"rootfs": {"diff_ids": [1]}},
        {"rootfs": {"diff_ids": []}, "architecture": 1},
        {"rootfs": {"diff_ids": []}, "config": {"Cmd": "serve"}},
    ],
)
def test_a_value_of_a_wrong_type_is_refused(document: Any) -> None:
    """The errors are those that StoredImage.config catches."""
    with pytest.raises((TypeError, KeyError, AttributeError)):
        ImageConfig.parse(document)
