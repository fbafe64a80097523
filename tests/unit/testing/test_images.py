"""Images, indexes and artifacts that are built."""

from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Blob,
    Image,
    ImageError,
    Index,
    MediaTypes,
    build_artifact,
    build_image,
    build_index,
    build_layer,
    pull,
    push,
)
from support.fake_ecr import REPOSITORY, FakeECR, sha256


def members(layer: Blob) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(layer.content)) as archive:
        return {member.name: member for member in archive}


def content_of(layer: Blob, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(layer.content)) as archive:
        member = archive.extractfile(name)
        assert member is not None
        return member.read()


PINNED: dict[str, tuple[Callable[[], Image | Index], str]] = {
    "generated": (
        lambda: build_image(),
        "sha256:e88581035e55696cc15c1c393d105b57021b1a589ce4e0073333b90fd48e8b8f",
    ),
    "larger-than-a-gzip-block": (
        lambda: build_image(seed=7, layers=1, layer_size=200_000),
        "sha256:055fca5d3896acc1689d6dae9f834eb572cfce287579525fb3d4d0d68a3126e4",
    ),
    "named-seed": (
        lambda: build_image(seed="test_name[1]", layers=3),
        "sha256:2b9291cdc1089f36d757d81198262dfddc26d8d822b692d36ec3d760176bb188",
    ),
    "docker": (
        lambda: build_image(media_types=DOCKER, architecture="arm64", variant="v8"),
        "sha256:e20696587aba2aee4daa38c231b94c3c728cdebb7b13e776fb4753038f36d55d",
    ),
    "uncompressed": (
        lambda: build_image(compression="none"),
        "sha256:e6e59cd3608cfaae6841ba64d74a8edd6985287f31ac69ddc9ec24c65f4c58a4",
    ),
    "long-names": (
        lambda: build_image(files={"ä" * 60 + "/" + "x" * 90: b"1", "y" * 101: b"2"}),
        "sha256:8963639d0db3f56a51ea4ba7f6242fd6f0c260657edbe36fd2b71d1945b5c987",
    ),
    "index": (
        lambda: build_index([build_image(), build_image(architecture="arm64")]),
        "sha256:d2fb7ebd58a55c9af68fd7ed7b75e50cff9f46f418e50e0aad482c1e290abb61",
    ),
    "artifact": (
        lambda: build_artifact(
            artifact_type="application/spdx+json", subject=build_image(), content=b"{}\n"
        ),
        "sha256:33bf3e2780c5eda2ff4f4252116a8991c3d64b0a0f71e659acc22ae0c10bcb06",
    ),
}


@pytest.mark.parametrize("name", PINNED)
def test_the_same_arguments_give_the_same_bytes_everywhere(name: str) -> None:
    """A digest written into a test stays right on every Python, zlib and machine."""
    build, digest = PINNED[name]
    assert build().digest == digest


def test_every_digest_is_computed_from_the_bytes() -> None:
    """Digests and sizes of manifest, configuration and layers are those of their contents."""
    image = build_image()
    assert image.digest == sha256(image.manifest)
    for blob in image.blobs:
        assert blob.digest == sha256(blob.content)
        assert blob.size == len(blob.content)


@pytest.mark.parametrize("media_types", [OCI, DOCKER], ids=["oci", "docker"])
def test_the_manifest_describes_the_configuration_and_the_layers(media_types: MediaTypes) -> None:
    """A manifest has the media types of its family and its blobs' digests and sizes, in order."""
    image = build_image(layers=3, media_types=media_types, annotations={"a": "b"})
    assert image.media_type == media_types.manifest
    assert json.loads(image.manifest) == {
        "schemaVersion": 2,
        "mediaType": media_types.manifest,
        "config": {
            "mediaType": media_types.config,
            "digest": image.config.digest,
            "size": image.config.size,
        },
        "layers": [
            {"mediaType": media_types.layer_gzip, "digest": layer.digest, "size": layer.size}
            for layer in image.layers
        ],
        "annotations": {"a": "b"},
    }


def test_the_configuration_lists_the_uncompressed_layers() -> None:
    """`rootfs.diff_ids` are the digests of the tar archives, and each layer has its history."""
    image = build_image(
        layers=3, architecture="arm64", variant="v8", os="linux", config={"Cmd": ["true"]}
    )
    config = json.loads(image.config.content)
    assert config["rootfs"] == {
        "type": "layers",
        "diff_ids": [sha256(gzip.decompress(layer.content)) for layer in image.layers],
    }
    assert len(config["history"]) == 3
    assert (config["architecture"], config["variant"], config["os"]) == ("arm64", "v8", "linux")
    assert config["config"] == {"Cmd": ["true"]}


def test_an_uncompressed_layer_is_the_tar_archive_itself() -> None:
    """Without compression a layer's digest is its diff ID, under the media type for that."""
    layer = build_layer({"a": b"1"}, compression="none")
    with tarfile.open(fileobj=io.BytesIO(layer.content), mode="r:") as archive:
        assert archive.getnames() == ["a"]
    assert layer.digest == layer.diff_id
    assert layer.media_type == "application/vnd.oci.image.layer.v1.tar"


def test_an_unknown_compression_is_refused() -> None:
    """A compression that is not offered is an error that names it."""
    with pytest.raises(ImageError, match="'zstd' is not"):
        build_layer(compression="zstd")  # type: ignore[arg-type]


def test_a_layer_holds_the_given_files_and_their_directories() -> None:
    """Files have the contents given, no owner and no time; parent directories come first."""
    layer = build_layer({"/etc/app/app.conf": b"debug = 1\n", "./etc/empty": b""})
    found = members(layer)
    assert list(found) == ["etc", "etc/app", "etc/app/app.conf", "etc/empty"]
    assert content_of(layer, "etc/app/app.conf") == b"debug = 1\n"
    assert content_of(layer, "etc/empty") == b""
    assert (found["etc"].type, found["etc"].mode) == (tarfile.DIRTYPE, 0o755)
    assert (found["etc/empty"].type, found["etc/empty"].mode) == (tarfile.REGTYPE, 0o644)
    assert {(m.uid, m.gid, m.uname, m.gname, m.mtime) for m in found.values()} == {
        (0, 0, "", "", 0)
    }


PATHS = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=150
).filter(lambda name: name not in (".", ".."))


@settings(deadline=None)
@given(st.dictionaries(PATHS, st.binary(max_size=2000), max_size=5))
def test_any_file_survives_the_layer(files: dict[str, bytes]) -> None:
    """A reader of tar archives finds exactly the given names and contents."""
    layer = build_layer(files)
    with tarfile.open(fileobj=io.BytesIO(layer.content), mode="r:gz", encoding="utf-8") as archive:
        found = {}
        for member in archive:
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
    assert found == files


@pytest.mark.parametrize("size", [0, 1, 65_534, 65_535, 65_536, 300_000])
def test_a_generated_layer_holds_one_file_of_the_asked_size(size: int) -> None:
    """Generated content has the requested size, and a compressor cannot shrink it."""
    layer = build_layer(seed=1, size=size)
    (name,) = (name for name, member in members(layer).items() if member.isreg())
    content = content_of(layer, name)
    assert len(content) == size
    assert len(zlib.compress(content, 9)) >= size


def test_images_of_different_seeds_share_no_layer() -> None:
    """No layer is shared within one image, or with images of other seeds."""
    layers = [
        layer.digest for seed in (0, 1, "a") for layer in build_image(seed=seed, layers=3).layers
    ]
    assert len(set(layers)) == 9


def test_an_image_is_built_on_finished_layers() -> None:
    """`layers` may be layers of another image, and `files` add one each on top."""
    base = [build_layer({"base": b"1"}), build_layer({"more": b"2"})]
    image = build_image(layers=base, files=[{"top": b"3"}, {"over": b"4"}])
    assert image.layers[:2] == tuple(base)
    assert [list(members(layer)) for layer in image.layers[2:]] == [["top"], ["over"]]


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_an_image_is_built_on_a_pulled_one(ecr: FakeECR, compression: Any) -> None:
    """Layers of an image that was not built here are measured by their uncompressed bytes."""
    base = build_image(compression=compression)
    push(ecr, REPOSITORY, base, "1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    image = build_image(layers=pulled.layers, files={"top": b"1"})
    assert image.digest == build_image(layers=base.layers, files={"top": b"1"}).digest


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Blob(b"not gzip", OCI.layer_gzip), "is a damaged gzip file"),
        (Blob(b"text", "text/plain"), "What .* compresses is not known"),
    ],
    ids=["damaged", "no-layer"],
)
def test_a_layer_that_cannot_be_uncompressed_is_refused(layer: Blob, message: str) -> None:
    """An image's configuration needs the digest of every uncompressed layer."""
    with pytest.raises(ImageError, match=message):
        build_image(layers=[layer])


def test_files_take_the_place_of_generated_layers() -> None:
    """Files without layers are the only layer."""
    (layer,) = build_image(files={"a": b"1"}).layers
    assert list(members(layer)) == ["a"]


def test_an_image_may_have_no_layer() -> None:
    """An image without layers is valid, like one made from scratch."""
    image = build_image(layers=0)
    assert image.blobs == (image.config,)
    assert image.document["layers"] == []


def test_a_layer_is_taken_from_a_directory(tmp_path: Path) -> None:
    """Files, permissions, empty directories and symbolic links on disk are in the layer."""
    (tmp_path / "bin").mkdir(mode=0o750)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bin" / "tool").write_bytes(b"#!/bin/sh\n")
    (tmp_path / "bin" / "tool").chmod(0o755)
    (tmp_path / "bin" / "alias").symlink_to("tool")
    layer = build_layer(tmp_path)
    found = members(layer)
    assert list(found) == ["bin", "bin/alias", "bin/tool", "empty"]
    assert content_of(layer, "bin/tool") == b"#!/bin/sh\n"
    assert (found["bin"].mode, found["bin/tool"].mode) == (0o750, 0o755)
    assert (found["bin/alias"].type, found["bin/alias"].linkname) == (tarfile.SYMTYPE, "tool")


def test_long_link_targets_are_kept(tmp_path: Path) -> None:
    """A symbolic link's target may be longer than a classic tar header allows."""
    (tmp_path / "link").symlink_to("ü" * 70)
    assert members(build_layer(tmp_path))["link"].linkname == "ü" * 70


def test_a_directory_and_the_same_files_by_name_give_the_same_layer(tmp_path: Path) -> None:
    """The source and the order of files do not change the layer."""
    (tmp_path / "b").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")
    for name in "ab":
        (tmp_path / name).chmod(0o644)
    digest = build_layer(tmp_path).digest
    assert build_layer({"b": b"2", "a": b"1"}).digest == digest
    assert build_layer({"a": tmp_path / "a", "b": tmp_path / "b"}).digest == digest
    assert build_layer(str(tmp_path)).digest == digest


def test_a_directory_is_placed_below_a_path_of_the_layer(tmp_path: Path) -> None:
    """A directory as a value brings its whole tree."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(b"1")
    found = members(build_layer({"opt/app": tmp_path}))
    assert list(found) == ["opt", "opt/app", "opt/app/sub", "opt/app/sub/file"]


@pytest.mark.parametrize("path", ["", "/", ".", "../up", "a/../../b"])
def test_a_path_outside_the_layer_is_refused(path: str) -> None:
    """A file has to be somewhere inside the layer."""
    with pytest.raises(ImageError, match="is not a path inside a layer"):
        build_layer({path: b"1"})


def test_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    """A missing directory or file is named in the error."""
    with pytest.raises(ImageError, match="nowhere is not a directory"):
        build_layer(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="nothing does not exist"):
        build_layer({"a": tmp_path / "nothing"})


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    """A pipe cannot be in a layer, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="pipe is not a file, a directory or a symbolic link"):
        build_layer(tmp_path)


@pytest.mark.parametrize("media_types", [OCI, DOCKER], ids=["oci", "docker"])
def test_an_index_lists_images_by_platform(media_types: MediaTypes) -> None:
    """An index has the descriptor and the platform of every image."""
    amd64 = build_image(media_types=media_types)
    arm64 = build_image(media_types=media_types, architecture="arm64", variant="v8")
    index = build_index([amd64, arm64], media_types=media_types)
    assert index.media_type == index.document["mediaType"] == media_types.index
    assert index.document["manifests"] == [
        {**amd64.descriptor(), "platform": {"architecture": "amd64", "os": "linux"}},
        {
            **arm64.descriptor(),
            "platform": {"architecture": "arm64", "os": "linux", "variant": "v8"},
        },
    ]
    assert amd64.descriptor() == {
        "mediaType": media_types.manifest,
        "digest": sha256(amd64.manifest),
        "size": len(amd64.manifest),
    }


def test_an_artifact_refers_to_its_subject() -> None:
    """An artifact is an OCI manifest with `subject`, `artifactType` and the empty configuration."""
    image = build_image()
    artifact = build_artifact(
        artifact_type="application/spdx+json",
        subject=image,
        content=b'{"spdx": 1}',
        annotations={"made": "here"},
    )
    assert artifact.document["subject"] == image.descriptor()
    assert artifact.document["artifactType"] == "application/spdx+json"
    assert artifact.document["annotations"] == {"made": "here"}
    assert artifact.document["config"] == {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": sha256(b"{}"),
        "size": 2,
    }
    assert [(layer.content, layer.media_type) for layer in artifact.layers] == [
        (b'{"spdx": 1}', "application/spdx+json")
    ]
    assert artifact.platform is None


def test_an_index_may_list_an_artifact() -> None:
    """An artifact has a type in the index, and no platform."""
    artifact = build_artifact(artifact_type="application/spdx+json", content=b"{ }")
    assert build_index([artifact]).document["manifests"] == [
        {**artifact.descriptor(), "artifactType": "application/spdx+json"}
    ]


def test_an_artifact_without_content_has_the_empty_blob() -> None:
    """Without content the only layer is the empty blob, which is stored once."""
    artifact = build_artifact(artifact_type="application/vnd.example.mark")
    assert artifact.layers[0].content == b"{}"
    assert len(artifact.blobs) == 1
    assert "subject" not in artifact.document


def test_a_large_blob_is_shown_by_its_digest() -> None:
    """A failing assertion prints digests and sizes instead of the bytes."""
    image = build_image(layers=1, layer_size=100_000)
    (layer,) = image.layers
    assert repr(layer) == f"<Layer {layer.digest} of {layer.size} bytes, {OCI.layer_gzip}>"
    assert repr(image) == f"<Image {image.digest}, {OCI.manifest}>"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"layers": -1}, "layers=-1: the number of layers cannot be negative."),
        ({"layers": "2"}, "layers='2': give a number of layers, or a list of finished layers."),
        ({"layers": 1.5}, "layers=1.5: give a number of layers, or a list of finished layers."),
        (
            {"layer_size": -1},
            "A layer of -1 bytes cannot be generated: the size cannot be negative.",
        ),
    ],
)
def test_numbers_below_zero(arguments: dict[str, Any], message: str) -> None:
    """Numbers below zero are refused."""
    with pytest.raises(ImageError) as refused:
        build_image(**arguments)
    assert str(refused.value) == message
