"""Images that `moto_ecr_ext.testing` builds, reads from disk, pushes and pulls."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
import requests
import responses
from botocore.validate import validate_parameters
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
    download_blob,
    pull,
    push,
    push_docker_archive,
    push_oci_layout,
    upload_blob,
    write_oci_layout,
)

REPOSITORY = "team/app"
CLIENT = boto3.client("ecr", "us-east-1", aws_access_key_id="test", aws_secret_access_key="test")

needs_skopeo = pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed")


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


class FakeECR:
    """The part of ECR's API that pushing and pulling use, in memory.

    It refuses what ECR refuses, and what boto3 would not send.
    """

    part_size = 1000
    exceptions = CLIENT.exceptions

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.uploads: dict[str, bytearray] = {}
        self.blobs: dict[str, bytes] = {}
        self.images: dict[str, tuple[bytes, str]] = {}
        self.tags: dict[str, str] = {}
        self.immutable = False

    def called(self, operation: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == operation]

    def error(self, code: str, operation: str) -> Exception:
        answer = {"Error": {"Code": code, "Message": "refused"}}
        error: Exception = getattr(self.exceptions, code)(answer, operation)
        return error

    def record(self, operation: str, parameters: dict[str, Any]) -> None:
        assert parameters["repositoryName"] == REPOSITORY
        operation_model = CLIENT.meta.service_model.operation_model(operation)
        validate_parameters(parameters, operation_model.input_shape)
        self.calls.append((operation, parameters))

    def create_repository(self, **parameters: Any) -> dict[str, Any]:
        self.record("CreateRepository", parameters)
        return {"repository": {"repositoryUri": f"registry.test/{parameters['repositoryName']}"}}

    def batch_check_layer_availability(self, **parameters: Any) -> dict[str, Any]:
        self.record("BatchCheckLayerAvailability", parameters)
        assert 1 <= len(parameters["layerDigests"]) <= 100
        layers = []
        for digest in parameters["layerDigests"]:
            availability = "AVAILABLE" if digest in self.blobs else "UNAVAILABLE"
            layers.append({"layerDigest": digest, "layerAvailability": availability})
        return {"layers": layers, "failures": []}

    def initiate_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.record("InitiateLayerUpload", parameters)
        upload_id = f"upload-{len(self.calls)}"
        self.uploads[upload_id] = bytearray()
        return {"uploadId": upload_id, "partSize": self.part_size}

    def upload_layer_part(self, **parameters: Any) -> dict[str, Any]:
        self.record("UploadLayerPart", parameters)
        content, part = self.uploads[parameters["uploadId"]], parameters["layerPartBlob"]
        assert 0 < len(part) <= self.part_size
        assert parameters["partFirstByte"] == len(content)
        assert parameters["partLastByte"] == len(content) + len(part) - 1
        content += part
        return {"lastByteReceived": parameters["partLastByte"]}

    def complete_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.record("CompleteLayerUpload", parameters)
        content = bytes(self.uploads.pop(parameters["uploadId"]))
        digest = sha256(content)
        if not content:
            raise self.error("EmptyUploadException", "CompleteLayerUpload")
        if parameters["layerDigests"] != [digest]:
            raise self.error("InvalidLayerException", "CompleteLayerUpload")
        if digest in self.blobs:
            raise self.error("LayerAlreadyExistsException", "CompleteLayerUpload")
        self.blobs[digest] = content
        return {"layerDigest": digest}

    def put_image(self, **parameters: Any) -> dict[str, Any]:
        self.record("PutImage", parameters)
        manifest, tag = parameters["imageManifest"].encode(), parameters.get("imageTag")
        document, digest = json.loads(manifest), sha256(manifest)
        assert parameters["imageDigest"] == digest
        for blob in [*document.get("layers", []), document.get("config")]:
            if blob and "urls" not in blob and blob["digest"] not in self.blobs:
                raise self.error("LayersNotFoundException", "PutImage")
        for child in document.get("manifests", []):
            if child["digest"] not in self.images:
                raise self.error("ReferencedImagesNotFoundException", "PutImage")
        if digest in self.images and (tag is None or self.tags.get(tag) == digest):
            raise self.error("ImageAlreadyExistsException", "PutImage")
        if self.immutable and tag in self.tags:
            raise self.error("ImageTagAlreadyExistsException", "PutImage")
        self.images[digest] = manifest, parameters["imageManifestMediaType"]
        if tag is not None:
            self.tags[tag] = digest
        return {"image": {"imageId": {"imageDigest": digest}}}

    def describe_images(self, **parameters: Any) -> dict[str, Any]:
        self.record("DescribeImages", parameters)
        ((name, reference),) = parameters["imageIds"][0].items()
        assert name == "imageTag"
        image = {
            "imageDigest": self.tags[reference],
            "imageSizeInBytes": 1,
            "imagePushedAt": datetime.now(timezone.utc),
        }
        return {"imageDetails": [image]}

    def batch_get_image(self, **parameters: Any) -> dict[str, Any]:
        self.record("BatchGetImage", parameters)
        (image_id,) = parameters["imageIds"]
        digest = image_id.get("imageDigest") or self.tags.get(image_id["imageTag"])
        if digest not in self.images:
            reason = "Requested image not found"
            failure = {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}
            return {"images": [], "failures": [failure]}
        manifest, media_type = self.images[digest]
        assert {OCI.manifest, DOCKER.manifest} < set(parameters["acceptedMediaTypes"])
        assert {OCI.index, DOCKER.index} < set(parameters["acceptedMediaTypes"])
        image = {
            "imageId": {**image_id, "imageDigest": digest},
            "imageManifest": manifest.decode(),
            "imageManifestMediaType": media_type,
        }
        return {"images": [image], "failures": []}

    def get_download_url_for_layer(self, **parameters: Any) -> dict[str, Any]:
        self.record("GetDownloadUrlForLayer", parameters)
        if parameters["layerDigest"] not in self.blobs:
            raise self.error("LayersNotFoundException", "GetDownloadUrlForLayer")
        return {"downloadUrl": f"https://layers.test/{parameters['layerDigest']}"}

    def download(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], bytes]:
        content = self.blobs.get(str(request.url).rpartition("/")[2])
        return (403, {}, b"Forbidden") if content is None else (200, {}, content)


@pytest.fixture(name="ecr")
def fixture_ecr() -> Iterator[FakeECR]:
    ecr = FakeECR()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as http:
        http.add_callback("GET", re.compile("https://layers.test/.*"), ecr.download)
        yield ecr


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
    with pytest.raises(ImageError, match="'zstd' is neither"):
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
    """Whatever the names and contents, a reader of tar archives finds exactly them."""
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
    """Generated content has the size asked for, and a compressor cannot shrink it."""
    layer = build_layer(seed=1, size=size)
    (name,) = (name for name, member in members(layer).items() if member.isreg())
    content = content_of(layer, name)
    assert len(content) == size
    assert len(zlib.compress(content, 9)) >= size


def test_images_of_different_seeds_share_no_layer() -> None:
    """Neither layers of one image nor of images with different seeds are alike."""
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
    """Layers of an image that was not built here are counted by what they uncompress to."""
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
    """With files and no word about layers, the files are the only layer."""
    (layer,) = build_image(files={"a": b"1"}).layers
    assert list(members(layer)) == ["a"]


def test_an_image_may_have_no_layer() -> None:
    """An image without layers is as valid as one made from scratch."""
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
    """A symbolic link may point further than a classic tar header has room for."""
    (tmp_path / "link").symlink_to("ü" * 70)
    assert members(build_layer(tmp_path))["link"].linkname == "ü" * 70


def test_a_directory_and_the_same_files_by_name_give_the_same_layer(tmp_path: Path) -> None:
    """Where files come from, and in which order, does not show in the layer."""
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
    """A directory or file that does not exist is named in the error."""
    with pytest.raises(ImageError, match="nowhere is not a directory"):
        build_layer(tmp_path / "nowhere")
    with pytest.raises(ImageError, match="nothing does not exist"):
        build_layer({"a": tmp_path / "nothing"})


def test_a_special_file_is_refused(tmp_path: Path) -> None:
    """A pipe cannot be in a layer, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="pipe is neither a file nor a directory"):
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
    """A failing assertion prints digests and sizes and not the bytes."""
    image = build_image(layers=1, layer_size=100_000)
    (layer,) = image.layers
    assert repr(layer) == f"<Layer {layer.digest} of {layer.size} bytes, {OCI.layer_gzip}>"
    assert repr(image) == f"<Image {image.digest}, {OCI.manifest}>"


def test_a_layout_holds_every_blob_under_its_digest(tmp_path: Path) -> None:
    """The written files have the names and the contents that the image layout asks for."""
    index = build_index([build_image(), build_image(seed=1, architecture="arm64")])
    path = write_oci_layout(index, tmp_path / "layout", tag="1.0")
    assert json.loads((path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads((path / "index.json").read_bytes())["manifests"]
    assert entry == {
        **index.descriptor(),
        "annotations": {"org.opencontainers.image.ref.name": "1.0"},
    }
    stored = {
        f"sha256:{file.name}": file.read_bytes() for file in (path / "blobs/sha256").iterdir()
    }
    assert stored == {
        **{blob.digest: blob.content for blob in index.blobs},
        **{image.digest: image.manifest for image in index.images},
        index.digest: index.manifest,
    }
    assert all(sha256(content) == digest for digest, content in stored.items())


def test_a_layout_takes_more_images(tmp_path: Path) -> None:
    """Images are added, one under a tag that is there replaces the other; untagged ones stay."""
    old, new, other = (build_image(seed=seed) for seed in range(3))
    written = [(old, "1.0"), (old, None), (other, "2.0"), (new, "1.0"), (other, None), (old, None)]
    for image, tag in written:
        write_oci_layout(image, tmp_path, tag=tag)
    entries = json.loads((tmp_path / "index.json").read_bytes())["manifests"]
    assert [
        (entry["digest"], *entry.get("annotations", {None: None}).values()) for entry in entries
    ] == [(other.digest, "2.0"), (new.digest, "1.0"), (other.digest, None), (old.digest, None)]


def test_a_layout_is_not_written_over_something_else(tmp_path: Path) -> None:
    """A directory with other files in it stays as it is."""
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ImageError, match="is not an OCI image layout"):
        write_oci_layout(build_image(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_push_uploads_every_blob_in_parts(ecr: FakeECR) -> None:
    """Blobs arrive whole, in as many parts as they need, and the tag names the image."""
    image = build_image(layer_size=5000)
    assert push(ecr, REPOSITORY, image, tag="1.0") == image.digest
    assert ecr.blobs == {blob.digest: blob.content for blob in image.blobs}
    assert len(ecr.called("UploadLayerPart")) == sum(
        -(-blob.size // ecr.part_size) for blob in image.blobs
    )
    assert ecr.images == {image.digest: (image.manifest, image.media_type)}
    assert ecr.tags == {"1.0": image.digest}


def test_a_push_sends_only_what_is_missing(ecr: FakeECR) -> None:
    """Layers that the repository has are not uploaded again."""
    base = build_image()
    push(ecr, REPOSITORY, base)
    ecr.calls.clear()
    image = build_image(layers=base.layers, files={"top": b"1"})
    push(ecr, REPOSITORY, image, tag="1.0")
    uploaded = [call["layerDigests"][0] for call in ecr.called("CompleteLayerUpload")]
    assert sorted(uploaded) == sorted([image.config.digest, image.layers[2].digest])


def test_a_push_of_many_layers_asks_for_a_hundred_at_a_time(ecr: FakeECR) -> None:
    """An image may have more layers than one BatchCheckLayerAvailability takes."""
    image = build_image(layers=120, layer_size=1)
    push(ecr, REPOSITORY, image)
    asked = [len(call["layerDigests"]) for call in ecr.called("BatchCheckLayerAvailability")]
    assert asked == [100, 21]
    assert image.digest in ecr.images


@pytest.mark.parametrize("tag", ["1.0", None], ids=["tagged", "untagged"])
def test_a_second_push_of_the_same_image_succeeds(ecr: FakeECR, tag: str | None) -> None:
    """ECR refuses an image that is there already; for a push that is success."""
    image = build_image()
    push(ecr, REPOSITORY, image, tag)
    assert push(ecr, REPOSITORY, image, tag) == image.digest
    assert len(ecr.called("PutImage")) == 2


@pytest.mark.parametrize("code", ["ImageTagAlreadyExistsException", "ImageAlreadyExistsException"])
def test_a_push_does_not_hide_an_immutable_tag(
    ecr: FakeECR, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """That the tag is another image's is an error, whichever of two codes the server has for it."""
    first, second = build_image(seed=1), build_image(seed=2)
    push(ecr, REPOSITORY, first, "1.0")
    ecr.immutable = True
    make_error = ecr.error
    monkeypatch.setattr(ecr, "error", lambda _, operation: make_error(code, operation))
    with pytest.raises(getattr(CLIENT.exceptions, code)):
        push(ecr, REPOSITORY, second, "1.0")
    assert ecr.tags == {"1.0": first.digest}


def test_a_push_overtaken_by_another_succeeds(
    ecr: FakeECR, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A layer that somebody else completed in the meantime is as good as one's own."""
    image = build_image()
    push(ecr, REPOSITORY, image)
    monkeypatch.setattr(
        ecr, "batch_check_layer_availability", lambda **_: {"layers": [], "failures": []}
    )
    assert push(ecr, REPOSITORY, image, "1.0") == image.digest
    assert ecr.tags == {"1.0": image.digest}


def test_a_push_of_an_index_starts_with_its_images(ecr: FakeECR) -> None:
    """Images go first and without a tag, also those of an index inside the index."""
    inner = build_index([build_image(seed=1)])
    index = build_index([inner, build_image(seed=2)])
    assert push(ecr, REPOSITORY, index, tag="1.0") == index.digest
    assert list(ecr.images) == [
        inner.images[0].digest,
        inner.digest,
        index.images[1].digest,
        index.digest,
    ]
    assert ecr.tags == {"1.0": index.digest}


def test_every_call_names_the_registry(ecr: FakeECR) -> None:
    """With a registry ID all calls go to that account's registry; without, none names one."""
    image = build_image()
    push(ecr, REPOSITORY, image, "1.0", registry_id="111122223333")
    pull(ecr, REPOSITORY, "1.0", registry_id="111122223333")
    assert {call["registryId"] for _, call in ecr.calls} == {"111122223333"}
    ecr.calls.clear()
    push(ecr, REPOSITORY, image, "2.0")
    assert not any("registryId" in call for _, call in ecr.calls)


def test_a_blob_is_uploaded_and_downloaded_by_itself(ecr: FakeECR) -> None:
    """One blob goes up in parts and comes back as a stream."""
    blob = Blob(bytes(range(256)) * 10, "application/octet-stream")
    upload_blob(ecr, REPOSITORY, blob)
    upload_blob(ecr, REPOSITORY, blob)
    assert b"".join(download_blob(ecr, REPOSITORY, blob.digest)) == blob.content


@pytest.mark.parametrize("media_types", [OCI, DOCKER], ids=["oci", "docker"])
def test_a_pull_gives_back_what_was_pushed(ecr: FakeECR, media_types: MediaTypes) -> None:
    """By tag and by digest the manifest and all blobs come back."""
    image = build_image(media_types=media_types)
    push(ecr, REPOSITORY, image, "1.0")
    for reference in ("1.0", image.digest):
        pulled = pull(ecr, REPOSITORY, reference)
        assert isinstance(pulled, Image)
        assert (pulled.manifest, pulled.media_type) == (image.manifest, image.media_type)
        for blob, original in zip(pulled.blobs, image.blobs, strict=True):
            assert (blob.content, blob.media_type) == (original.content, original.media_type)


def test_a_pull_of_an_index_brings_its_images(ecr: FakeECR) -> None:
    """Everything below an index is pulled; a layer that images share is downloaded once."""
    layer = build_layer()
    index = build_index(
        [build_image(layers=[layer]), build_image(layers=[layer], architecture="arm64")]
    )
    push(ecr, REPOSITORY, index, "1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Index)
    assert [image.manifest for image in pulled.images] == [image.manifest for image in index.images]
    assert [blob.content for blob in pulled.blobs] == [blob.content for blob in index.blobs]
    assert len(ecr.called("GetDownloadUrlForLayer")) == 3


def test_a_pulled_blob_has_the_media_type_of_its_place(ecr: FakeECR) -> None:
    """The same bytes as configuration and as layer keep their two media types."""
    artifact = build_artifact(artifact_type="application/vnd.example", content=b"{}")
    push(ecr, REPOSITORY, artifact, "1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert pulled.config.media_type == "application/vnd.oci.empty.v1+json"
    assert pulled.layers[0].media_type == "application/vnd.example"


def test_a_pull_of_nothing_says_so(ecr: FakeECR) -> None:
    """A reference that is not there is an error with the registry's reason."""
    with pytest.raises(ImageError, match=r"no image 1.0 in .*team/app\. Requested image not found"):
        pull(ecr, REPOSITORY, "1.0")


def damage_a_layer(ecr: FakeECR, image: Image) -> None:
    ecr.blobs[image.layers[1].digest] = b"damaged"


def lose_a_layer(ecr: FakeECR, image: Image) -> None:
    ecr.blobs[image.layers[1].digest + "-lost"] = ecr.blobs.pop(image.layers[1].digest)
    url = {"downloadUrl": "https://layers.test/lost"}
    ecr.get_download_url_for_layer = lambda **_: url  # type: ignore[method-assign]


def damage_the_manifest(ecr: FakeECR, image: Image) -> None:
    ecr.images[image.digest] = (image.manifest + b"\n", image.media_type)


def rewrite_the_manifest(ecr: FakeECR, manifest: bytes, media_type: str) -> None:
    ecr.images = {sha256(manifest): (manifest, media_type)}
    ecr.tags = {"1.0": sha256(manifest)}


def misstate_a_size(ecr: FakeECR, image: Image) -> None:
    document = image.document
    document["layers"][0]["size"] += 1
    rewrite_the_manifest(ecr, json.dumps(document).encode(), image.media_type)


def forget_the_configuration(ecr: FakeECR, image: Image) -> None:
    document = image.document
    del document["config"]
    rewrite_the_manifest(ecr, json.dumps(document).encode(), image.media_type)


def call_it_something_else(ecr: FakeECR, image: Image) -> None:
    rewrite_the_manifest(
        ecr, image.manifest, "application/vnd.docker.distribution.manifest.v1+prettyjws"
    )


def invent_a_digest(ecr: FakeECR, image: Image) -> None:
    ecr.images = {"sha256:1": (image.manifest, image.media_type)}
    ecr.tags = {"1.0": "sha256:1"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (call_it_something_else, "neither an image nor an index but .*prettyjws"),
        (invent_a_digest, "'sha256:1' is not a digest"),
        (damage_a_layer, "has the digest sha256:.* instead of sha256:"),
        (lose_a_layer, "answered 403: Forbidden"),
        (damage_the_manifest, "Manifest 1.0 .* has the digest sha256:.* instead of"),
        (misstate_a_size, "bytes, but its descriptor says"),
        (forget_the_configuration, "lacks a descriptor"),
    ],
)
def test_a_pull_checks_what_it_gets(
    ecr: FakeECR, damage: Callable[[FakeECR, Image], None], message: str
) -> None:
    """Whatever does not fit its digest or descriptor is an error that says what."""
    image = build_image()
    push(ecr, REPOSITORY, image, "1.0")
    damage(ecr, image)
    with pytest.raises(ImageError, match=message):
        pull(ecr, REPOSITORY, "1.0")


def test_a_download_needs_a_digest(ecr: FakeECR) -> None:
    """What is not a digest is refused before the registry is asked."""
    with pytest.raises(ImageError, match="'latest' is not a digest"):
        next(download_blob(ecr, REPOSITORY, "latest"))
    assert ecr.calls == []


def packed(directory: Path, path: Path, mode: str = "w", prefix: str = "") -> Path:
    """A tar archive of what `directory` holds."""
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for child in sorted(directory.iterdir()):
            archive.add(child, prefix + child.name)
    return path


AS_DIRECTORY = pytest.param(lambda path: path, id="directory")
AS_TAR = pytest.param(lambda path: packed(path, path.with_suffix(".tar")), id="tar")
AS_DOTTED_TAR = pytest.param(
    lambda path: packed(path, path.with_suffix(".tar"), prefix="./"), id="tar-of-dot"
)
AS_GZIPPED_TAR = pytest.param(
    lambda path: packed(path, path.with_suffix(".tgz"), "w:gz"), id="gzipped-tar"
)


@pytest.mark.parametrize("form", [AS_DIRECTORY, AS_TAR, AS_DOTTED_TAR, AS_GZIPPED_TAR])
def test_a_layout_is_pushed_in_every_form(
    ecr: FakeECR, tmp_path: Path, form: Callable[[Path], Path]
) -> None:
    """A directory and its archives push the same manifests and blobs, under the tag inside."""
    index = build_index([build_image(), build_image(architecture="arm64")])
    path = form(write_oci_layout(index, tmp_path / "layout", tag="1.0"))
    assert push_oci_layout(ecr, REPOSITORY, path) == [index.digest]
    assert ecr.blobs == {blob.digest: blob.content for blob in index.blobs}
    assert ecr.images[index.digest] == (index.manifest, index.media_type)
    assert ecr.tags == {"1.0": index.digest}


def test_a_pushed_manifest_keeps_its_bytes(ecr: FakeECR, tmp_path: Path) -> None:
    """Manifests are pushed as they were written, spaces included."""
    built = build_image()
    manifest = json.dumps(built.document, indent=3).encode()
    image = Image(manifest, OCI.manifest, built.config, built.layers)
    write_oci_layout(image, tmp_path)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, tag="1.0") == [sha256(manifest)]
    assert ecr.images[sha256(manifest)] == (manifest, OCI.manifest)


def test_all_images_of_a_layout_are_pushed_under_their_tags(ecr: FakeECR, tmp_path: Path) -> None:
    """Annotations give the tags; an image without one is pushed untagged."""
    images = [build_image(seed=seed) for seed in range(3)]
    for image, tag in zip(images, ["1.0", "registry.test:5000/team/app:2.0", None], strict=True):
        write_oci_layout(image, tmp_path, tag=tag)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path) == [image.digest for image in images]
    assert ecr.tags == {"1.0": images[0].digest, "2.0": images[1].digest}
    assert set(ecr.images) == {image.digest for image in images}


@pytest.mark.parametrize(
    ("name", "tags"),
    [
        ("1.0", {"1.0"}),
        ("app:1.0", {"1.0"}),
        ("localhost:5000/app", set()),
        ("docker.io/library/app", set()),
        ("app@sha256:" + 64 * "a", set()),
        ("not a tag", set()),
    ],
)
def test_a_reference_name_gives_its_tag(
    ecr: FakeECR, tmp_path: Path, name: str, tags: set[str]
) -> None:
    """Tools annotate with a tag or a whole image name; without a tag in it none is invented."""
    push_oci_layout(ecr, REPOSITORY, write_oci_layout(build_image(), tmp_path, tag=name))
    assert set(ecr.tags) == tags
    assert len(ecr.images) == 1


def test_the_only_image_of_a_layout_gets_the_tag_asked_for(ecr: FakeECR, tmp_path: Path) -> None:
    """A tag given to the call takes the place of the tag inside."""
    image = build_image()
    write_oci_layout(image, tmp_path, tag="inside")
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, tag="asked") == [image.digest]
    assert ecr.tags == {"asked": image.digest}


def test_a_tag_chooses_among_the_images_of_a_layout(ecr: FakeECR, tmp_path: Path) -> None:
    """With several images the tag names one, and only that is pushed."""
    for seed in range(3):
        write_oci_layout(build_image(seed=seed), tmp_path, tag=f"{seed}.0")
    assert push_oci_layout(ecr, REPOSITORY, tmp_path, "1.0") == [build_image(seed=1).digest]
    assert ecr.tags == {"1.0": build_image(seed=1).digest}
    with pytest.raises(ImageError, match=r"3 images, none .* '9' \(tags: 0.0, 1.0, 2.0\)"):
        push_oci_layout(ecr, REPOSITORY, tmp_path, tag="9")


def attestation() -> Image:
    """What BuildKit adds to an index, an image for no platform."""
    return build_image(seed="attestation", layers=1, architecture="unknown", os="unknown")


def remove_blob(layout: Path, digest: str) -> None:
    (layout / "blobs" / "sha256" / digest.partition(":")[2]).unlink()


def test_an_index_of_which_one_image_is_there_is_pushed_as_that(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """What was pulled for one platform can be pushed, as docker does it."""
    amd64, arm64 = build_image(seed=1), build_image(seed=2, architecture="arm64")
    write_oci_layout(build_index([amd64, arm64, attestation()]), tmp_path, tag="1.0")
    remove_blob(tmp_path, arm64.digest)
    assert push_oci_layout(ecr, REPOSITORY, tmp_path) == [amd64.digest]
    assert ecr.tags == {"1.0": amd64.digest}


def test_an_index_of_which_several_but_not_all_images_are_there_is_refused(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """It cannot be known what should be pushed; the error names what is missing."""
    images = [build_image(seed=name, architecture=name) for name in ("amd64", "arm64", "s390x")]
    write_oci_layout(build_index(images), tmp_path)
    remove_blob(tmp_path, images[1].layers[0].digest)
    with pytest.raises(ImageError, match=f"does not hold blob {images[1].layers[0].digest}"):
        push_oci_layout(ecr, REPOSITORY, tmp_path)
    assert ecr.calls == []


def test_a_foreign_layer_need_not_be_there(ecr: FakeECR, tmp_path: Path) -> None:
    """Layers that are downloaded from elsewhere are neither pushed nor pulled."""
    built = build_image()
    document = built.document
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": sha256(b"elsewhere"),
        "size": 9,
        "urls": ["https://elsewhere.test/layer"],
    }
    document["layers"].insert(0, foreign)
    manifest = json.dumps(document).encode()
    image = Image(manifest, OCI.manifest, built.config, built.layers)
    push_oci_layout(ecr, REPOSITORY, write_oci_layout(image, tmp_path), tag="1.0")
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert pulled.manifest == manifest
    assert [blob.digest for blob in pulled.blobs] == [blob.digest for blob in built.blobs]


class ForgetfulECR(FakeECR):
    """Keeps no bytes, for layers that are larger than a test wants in memory."""

    part_size = 1 << 20

    def initiate_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        self.hasher = hashlib.sha256()
        return {"uploadId": "upload", "partSize": self.part_size}

    def upload_layer_part(self, **parameters: Any) -> dict[str, Any]:
        self.hasher.update(parameters["layerPartBlob"])
        return {"lastByteReceived": parameters["partLastByte"]}

    def complete_layer_upload(self, **parameters: Any) -> dict[str, Any]:
        digest = f"sha256:{self.hasher.hexdigest()}"
        assert parameters["layerDigests"] == [digest]
        self.blobs[digest] = b""
        return {"layerDigest": digest}


@pytest.mark.parametrize("form", [AS_DIRECTORY, AS_TAR])
def test_a_large_layer_is_streamed(tmp_path: Path, form: Callable[[Path], Path]) -> None:
    """Memory does not grow with the size of a layer on disk."""
    image = build_image(layers=1, layer_size=32 << 20)
    path = form(write_oci_layout(image, tmp_path / "layout"))
    ecr = ForgetfulECR()
    tracemalloc.start()
    try:
        push_oci_layout(ecr, REPOSITORY, path)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert set(ecr.blobs) == {blob.digest for blob in image.blobs}


def edit_entry(layout: Path, **members: Any) -> None:
    document = json.loads((layout / "index.json").read_bytes())
    document["manifests"][0].update(members)
    (layout / "index.json").write_text(json.dumps(document))


def overwrite_blob(layout: Path, digest: str, content: bytes) -> None:
    (layout / "blobs" / "sha256" / digest.partition(":")[2]).write_bytes(content)


def flip_a_bit(layout: Path, digest: str) -> None:
    path = layout / "blobs" / "sha256" / digest.partition(":")[2]
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


IMAGE = build_image()
DAMAGED_LAYOUTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no-directory": (shutil.rmtree, "layout does not exist"),
    "no-marker": (lambda path: (path / "oci-layout").unlink(), "it has no file 'oci-layout'"),
    "no-index": (lambda path: (path / "index.json").unlink(), "it has no file 'index.json'"),
    "other-version": (
        lambda path: (path / "oci-layout").write_text('{"imageLayoutVersion": "2.0.0"}'),
        "not an OCI image layout of version 1.0.0",
    ),
    "not-json": (lambda path: (path / "index.json").write_text("{"), "index.json .* is not JSON"),
    "not-an-object": (
        lambda path: (path / "index.json").write_text("[]"),
        "index.json .* is not a JSON object",
    ),
    "no-list": (
        lambda path: (path / "index.json").write_text("{}"),
        "index.json .* has no list 'manifests'",
    ),
    "no-image": (
        lambda path: (path / "index.json").write_text('{"manifests": []}'),
        "holds no image",
    ),
    "digest-is-a-path": (
        lambda path: edit_entry(path, digest="sha256:../../oci-layout"),
        "a descriptor without a media type or a valid digest",
    ),
    "no-size": (lambda path: edit_entry(path, size="1"), "without a valid size"),
    "not-an-image": (
        lambda path: edit_entry(path, mediaType="text/plain"),
        "neither an image nor an index: text/plain",
    ),
    "no-manifest": (lambda path: remove_blob(path, IMAGE.digest), "does not hold blob sha256:"),
    "no-layer": (
        lambda path: remove_blob(path, IMAGE.layers[1].digest),
        f"does not hold blob {IMAGE.layers[1].digest}",
    ),
    "short-layer": (
        lambda path: overwrite_blob(path, IMAGE.layers[1].digest, b"short"),
        f"Blob {IMAGE.layers[1].digest} .* has 5 bytes, but its descriptor says",
    ),
    "damaged-layer": (
        lambda path: flip_a_bit(path, IMAGE.layers[1].digest),
        f"has the digest sha256:.* instead of {IMAGE.layers[1].digest}",
    ),
    "damaged-config": (
        lambda path: flip_a_bit(path, IMAGE.config.digest),
        f"has the digest sha256:.* instead of {IMAGE.config.digest}",
    ),
    "damaged-manifest": (
        lambda path: flip_a_bit(path, IMAGE.digest),
        f"has the digest sha256:.* instead of {IMAGE.digest}",
    ),
}


def test_a_damaged_blob_of_a_gzipped_archive_is_reported_by_the_name_of_the_archive(
    ecr: FakeECR, tmp_path: Path
) -> None:
    """The error names the file that was given and not a temporary one."""
    layout = write_oci_layout(IMAGE, tmp_path / "layout")
    flip_a_bit(layout, IMAGE.layers[0].digest)
    path = packed(layout, tmp_path / "layout.tgz", "w:gz")
    with pytest.raises(ImageError, match=f"A blob in {path} has the digest"):
        push_oci_layout(ecr, REPOSITORY, path)


@pytest.mark.parametrize("name", DAMAGED_LAYOUTS)
def test_a_damaged_layout_is_refused(ecr: FakeECR, tmp_path: Path, name: str) -> None:
    """The error says in a sentence what is wrong, and no image reaches the registry."""
    damage, message = DAMAGED_LAYOUTS[name]
    layout = write_oci_layout(IMAGE, tmp_path / "layout", tag="1.0")
    damage(layout)
    with pytest.raises(ImageError, match=message):
        push_oci_layout(ecr, REPOSITORY, layout)
    assert ecr.images == {}


@pytest.mark.parametrize("function", [push_oci_layout, push_docker_archive])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"This is a text.\n" * 100, "is not a tar archive"),
        (b"", "is not a tar archive"),
        (gzip.compress(b"This is a text.\n" * 100), "is not a tar archive"),
        (gzip.compress(b"x" * 100_000)[:-50], "is a damaged gzip file"),
        (b"\x1f\x8b and something else", "is a damaged gzip file"),
    ],
    ids=["text", "empty", "gzipped-text", "cut-gzip", "no-gzip"],
)
def test_a_file_that_is_no_archive_is_refused(
    ecr: FakeECR, tmp_path: Path, function: Callable[..., Any], content: bytes, message: str
) -> None:
    """Any other file is an error that names it."""
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(ImageError, match=f"file {message}"):
        function(ecr, REPOSITORY, path)
    assert ecr.calls == []


def add_file(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def add_link(archive: tarfile.TarFile, name: str, target: str, kind: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    archive.addfile(member)


def save(
    path: Path,
    image: Image,
    tags: list[str],
    *,
    layers: list[bytes] | None = None,
    mode: str = "w",
) -> Path:
    """An archive as `docker save` up to version 24 writes it, with each layer in a directory."""
    if layers is None:
        layers = [gzip.decompress(layer.content) for layer in image.layers]
    config_name = f"{image.config.digest.partition(':')[2]}.json"
    entry = {
        "Config": config_name,
        "RepoTags": tags or None,
        "Layers": [f"{number}/layer.tar" for number in range(len(layers))],
    }
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for number, layer in enumerate(layers):
            add_file(archive, f"{number}/VERSION", b"1.0")
            if layers.index(layer) < number:
                add_link(
                    archive,
                    f"{number}/layer.tar",
                    f"../{layers.index(layer)}/layer.tar",
                    tarfile.SYMTYPE,
                )
            else:
                add_file(archive, f"{number}/layer.tar", layer)
        add_file(archive, config_name, image.config.content)
        add_file(archive, "manifest.json", json.dumps([entry]).encode())
        add_file(archive, "repositories", b"{}")
    return path


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_saved_image_is_pushed_as_docker_schema_2(
    ecr: FakeECR, tmp_path: Path, mode: str
) -> None:
    """A manifest is made over the layers as they are saved; the image ID does not change."""
    image = build_image(media_types=DOCKER)
    path = save(tmp_path / "saved.tar", image, ["team/app:1.0", "host:5000/app:2.0"], mode=mode)
    (digest,) = push_docker_archive(ecr, REPOSITORY, path)
    assert ecr.tags == {"1.0": digest, "2.0": digest}
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert pulled.media_type == pulled.document["mediaType"] == DOCKER.manifest
    assert pulled.config.content == image.config.content
    assert pulled.config.media_type == DOCKER.config
    diff_ids = json.loads(image.config.content)["rootfs"]["diff_ids"]
    assert [layer.digest for layer in pulled.layers] == diff_ids
    assert {layer.media_type for layer in pulled.layers} == {
        "application/vnd.docker.image.rootfs.diff.tar"
    }


def test_a_layer_that_is_saved_as_a_link_is_found(ecr: FakeECR, tmp_path: Path) -> None:
    """Docker saves a layer that occurs twice once, and a symbolic link to it."""
    layer, other = build_layer({"a": b"1"}), build_layer({"b": b"2"})
    image = build_image(layers=[layer, other, layer], media_types=DOCKER)
    path = save(tmp_path / "saved.tar", image, ["app:1.0"])
    push_docker_archive(ecr, REPOSITORY, path)
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert [each.digest for each in pulled.layers] == [
        layer.diff_id,
        other.diff_id,
        layer.diff_id,
    ]


def test_links_in_an_archive_are_followed_and_circles_are_not(ecr: FakeECR, tmp_path: Path) -> None:
    """Hard links name a member; a link that leads nowhere is a file that is not there."""
    layer = build_layer({"a": b"1"}, compression="none")
    image = build_image(layers=[layer], media_types=DOCKER)
    path = tmp_path / "saved.tar"

    def write(target: str) -> None:
        entry = {"Config": "config.json", "RepoTags": ["app:1.0"], "Layers": ["one/layer.tar"]}
        with tarfile.open(path, "w") as archive:
            add_file(archive, "blob.tar", layer.content)
            add_link(archive, "one/layer.tar", "two", tarfile.LNKTYPE)
            add_link(archive, "two", target, tarfile.LNKTYPE)
            add_file(archive, "config.json", image.config.content)
            add_file(archive, "manifest.json", json.dumps([entry]).encode())

    write("one/layer.tar")
    with pytest.raises(ImageError, match=r"does not hold 'one/layer\.tar'"):
        push_docker_archive(ecr, REPOSITORY, path)
    write("blob.tar")
    push_docker_archive(ecr, REPOSITORY, path)
    assert layer.digest in ecr.blobs


def test_gzipped_layers_of_an_archive_stay_gzipped(ecr: FakeECR, tmp_path: Path) -> None:
    """Archives of other tools hold compressed layers, which are checked and pushed as they are."""
    image = build_image(media_types=DOCKER)
    layers = [gzip.compress(gzip.decompress(layer.content)) for layer in image.layers]
    path = save(tmp_path / "saved.tar", image, ["app:1.0"], layers=layers)
    push_docker_archive(ecr, REPOSITORY, path)
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert [layer.content for layer in pulled.layers] == layers
    assert {layer.media_type for layer in pulled.layers} == {DOCKER.layer_gzip}


def test_a_tag_chooses_among_saved_images(ecr: FakeECR, tmp_path: Path) -> None:
    """An archive of several images pushes all under their tags, or the one that is asked for."""
    images = [build_image(seed=seed, layers=1, media_types=DOCKER) for seed in range(2)]
    path, entries = tmp_path / "saved.tar", []
    with tarfile.open(path, "w") as archive:
        for number, image in enumerate(images):
            add_file(archive, f"{number}.json", image.config.content)
            add_file(archive, f"{number}.tar", gzip.decompress(image.layers[0].content))
            entries.append(
                {
                    "Config": f"{number}.json",
                    "RepoTags": [f"app:{number}.0"],
                    "Layers": [f"{number}.tar"],
                }
            )
        add_file(archive, "manifest.json", json.dumps(entries).encode())
    (second,) = push_docker_archive(ecr, REPOSITORY, path, tag="1.0")
    assert ecr.tags == {"1.0": second}
    assert images[1].config.digest in ecr.blobs
    assert images[0].config.digest not in ecr.blobs
    first, again = push_docker_archive(ecr, REPOSITORY, path)
    assert again == second
    assert ecr.tags == {"0.0": first, "1.0": second}
    with pytest.raises(ImageError, match="2 images, none of them tagged 'latest'"):
        push_docker_archive(ecr, REPOSITORY, path, tag="latest")


def test_a_saved_layout_keeps_its_manifest(ecr: FakeECR, tmp_path: Path) -> None:
    """An archive of Docker 25 and later is an image layout too, and is pushed as that."""
    image = build_image(compression="none")
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    blobs = [f"blobs/sha256/{layer.digest.partition(':')[2]}" for layer in image.layers]
    config = f"blobs/sha256/{image.config.digest.partition(':')[2]}"
    entry = {"Config": config, "RepoTags": ["app:1.0"], "Layers": blobs}
    (layout / "manifest.json").write_text(json.dumps([entry]))
    path = packed(layout, tmp_path / "saved.tar")
    assert push_docker_archive(ecr, REPOSITORY, path) == [image.digest]
    assert ecr.images == {image.digest: (image.manifest, OCI.manifest)}
    assert ecr.tags == {"1.0": image.digest}


def save_with(path: Path, manifest: object, config: object) -> None:
    with tarfile.open(path, "w") as archive:
        if manifest is not None:
            add_file(archive, "manifest.json", json.dumps(manifest).encode())
        add_file(archive, "config.json", json.dumps(config).encode())
        add_file(archive, "layer.tar", b"not what the image names")
        add_file(archive, "layer.tgz", gzip.compress(b"not what the image names either"))


LAYERED = {"rootfs": {"diff_ids": [sha256(b"a layer")]}}
ENTRY = {"Config": "config.json", "RepoTags": [], "Layers": ["layer.tar"]}


@pytest.mark.parametrize(
    ("manifest", "config", "message"),
    [
        (None, {}, "is not a `docker save` archive"),
        ([], {}, "lists no image"),
        ({}, {}, "lists no image"),
        (["x"], {}, "has an entry without a list 'Layers'"),
        ([{**ENTRY, "Config": None}], LAYERED, "does not hold 'None'"),
        ([{**ENTRY, "Config": "../config.json"}], LAYERED, "does not hold '../config.json'"),
        ([{**ENTRY, "Layers": ["other.tar"]}], LAYERED, "does not hold 'other.tar'"),
        ([ENTRY], {}, "not the number of 'diff_ids' in config.json"),
        ([{**ENTRY, "Layers": []}], LAYERED, "has 0 layers for an image"),
        ([ENTRY], [], "config.json in .* is not a JSON object"),
        ([ENTRY], LAYERED, f"layer.tar in .* is not the layer {sha256(b'a layer')}"),
        (
            [{**ENTRY, "Layers": ["layer.tgz"]}],
            LAYERED,
            f"layer.tgz in .* is not the layer {sha256(b'a layer')}",
        ),
    ],
)
def test_a_damaged_archive_is_refused(
    ecr: FakeECR, tmp_path: Path, manifest: object, config: object, message: str
) -> None:
    """What `manifest.json` and the configuration say has to be so; otherwise nothing is pushed."""
    path = tmp_path / "saved.tar"
    save_with(path, manifest, config)
    with pytest.raises(ImageError, match=message):
        push_docker_archive(ecr, REPOSITORY, path)
    assert ecr.calls == []


def test_a_directory_is_no_docker_archive(ecr: FakeECR, tmp_path: Path) -> None:
    """`docker save` writes a file, and a missing one is named."""
    with pytest.raises(ImageError, match="is a directory"):
        push_docker_archive(ecr, REPOSITORY, tmp_path)
    with pytest.raises(ImageError, match=r"missing\.tar does not exist"):
        push_docker_archive(ecr, REPOSITORY, tmp_path / "missing.tar")


def skopeo(*arguments: str | Path) -> str:
    done = subprocess.run(
        ["skopeo", *map(str, arguments)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def write_skopeo_directory(image: Image, path: Path) -> Path:
    """skopeo's own `dir:` form, which holds any media type."""
    path.mkdir()
    (path / "version").write_text("Directory Transport Version: 1.1\n")
    (path / "manifest.json").write_bytes(image.manifest)
    for blob in image.blobs:
        (path / blob.digest.partition(":")[2]).write_bytes(blob.content)
    return path


@needs_skopeo
@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_skopeo_reads_a_built_image(tmp_path: Path, compression: Any) -> None:
    """A real client accepts the layout, and agrees on every digest."""
    image = build_image(layers=3, compression=compression, config={"Labels": {"a": "b"}})
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    inspected = json.loads(skopeo("inspect", f"oci:{layout}:1.0"))
    assert inspected["Digest"] == image.digest
    assert inspected["Layers"] == [layer.digest for layer in image.layers]
    assert inspected["Labels"] == {"a": "b"}


@needs_skopeo
def test_skopeo_copies_every_image_of_an_index(tmp_path: Path) -> None:
    """A copy of the index through skopeo, which checks all digests, is the same index."""
    index = build_index([build_image(), build_image(seed=1, architecture="arm64", variant="v8")])
    layout = write_oci_layout(index, tmp_path / "layout", tag="1.0")
    skopeo("copy", "--all", f"oci:{layout}:1.0", f"oci:{tmp_path / 'copy'}:1.0")
    (entry,) = json.loads((tmp_path / "copy" / "index.json").read_bytes())["manifests"]
    assert entry["digest"] == index.digest


@needs_skopeo
def test_an_archive_that_skopeo_writes_is_pushed(ecr: FakeECR, tmp_path: Path) -> None:
    """skopeo unpacks the layers, so it checks the diff IDs; the pushed image has the same ID."""
    image = build_image(layers=3)
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    archive = tmp_path / "saved.tar"
    skopeo("copy", f"oci:{layout}:1.0", f"docker-archive:{archive}:team/app:1.0")
    push_docker_archive(ecr, REPOSITORY, archive)
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    config = json.loads(image.config.content)
    assert json.loads(pulled.config.content)["rootfs"] == config["rootfs"]
    assert [layer.digest for layer in pulled.layers] == config["rootfs"]["diff_ids"]

    # The manifest that was made for it is one that skopeo takes, uncompressed layers included.
    directory = write_skopeo_directory(pulled, tmp_path / "pulled")
    inspected = json.loads(skopeo("inspect", f"dir:{directory}"))
    assert inspected["Layers"] == config["rootfs"]["diff_ids"]
    skopeo("copy", f"dir:{directory}", f"oci:{tmp_path / 'back'}:1.0")


@needs_skopeo
def test_an_oci_archive_that_skopeo_writes_is_pushed(ecr: FakeECR, tmp_path: Path) -> None:
    """The manifest inside a real OCI archive is pushed byte for byte."""
    image = build_image()
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    archive = tmp_path / "archive.tar"
    skopeo("copy", f"oci:{layout}:1.0", f"oci-archive:{archive}:2.0")
    assert push_oci_layout(ecr, REPOSITORY, archive) == [image.digest]
    assert ecr.tags == {"2.0": image.digest}


@needs_skopeo
def test_skopeo_reads_a_built_docker_image(tmp_path: Path) -> None:
    """Images in Docker's media types are as acceptable, unpacked layers included."""
    image = build_image(media_types=DOCKER, layers=2)
    directory = write_skopeo_directory(image, tmp_path / "directory")
    assert json.loads(skopeo("inspect", f"dir:{directory}"))["Digest"] == image.digest
    skopeo("copy", f"dir:{directory}", f"docker-archive:{tmp_path / 'saved.tar'}:app:1.0")


@pytest.fixture(name="example", scope="module")
def fixture_example() -> ModuleType:
    path = Path(__file__).parents[2] / "examples" / "push_and_pull.py"
    spec = importlib.util.spec_from_file_location("push_and_pull", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_pushes_and_verifies(
    ecr: FakeECR, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example pushes in several parts, finds all bytes again, and so does a later run."""
    ecr.part_size = 10 << 20
    assert example.main(["--repository", REPOSITORY], client=ecr) == 0
    assert len(ecr.called("UploadLayerPart")) > len(ecr.blobs)
    output = capsys.readouterr().out
    assert f"Created repository registry.test/{REPOSITORY}" in output
    assert all(f"  {digest} is the same" in output for digest in ecr.blobs)
    ecr.calls.clear()
    assert example.main(["--repository", REPOSITORY, "--verify-only"], client=ecr) == 0
    assert {name for name, _ in ecr.calls} == {"BatchGetImage", "GetDownloadUrlForLayer"}


def test_the_example_notices_a_difference(
    ecr: FakeECR, example: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """A damaged layer and another image under the tag each end with status 1 and a sentence."""
    ecr.part_size = 10 << 20
    arguments = ["--repository", REPOSITORY, "--verify-only"]
    assert example.main(arguments, client=ecr) == 1
    assert "error: There is no image latest" in capsys.readouterr().err

    image = example.build()
    push(ecr, REPOSITORY, image, "latest")
    damage_a_layer(ecr, image)
    assert example.main(arguments, client=ecr) == 1
    assert f"instead of {image.layers[1].digest}" in capsys.readouterr().err

    other = build_image()
    push(ecr, REPOSITORY, other, "latest")
    assert example.main(arguments, client=ecr) == 1
    assert f"manifest {other.digest} came back instead of {image.digest}" in capsys.readouterr().err
