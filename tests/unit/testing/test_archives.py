"""Archives of `docker save` that are pushed."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    OCI,
    Image,
    ImageError,
    build_image,
    build_layer,
    pull,
    push_docker_archive,
    push_oci_layout,
    write_oci_layout,
)
from support.fake_ecr import REPOSITORY, FakeECR, sha256
from support.layouts import packed


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
    """A file of another format is refused by its name."""
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


def test_links_in_a_row_are_followed_to_a_limit(ecr: FakeECR, tmp_path: Path) -> None:
    """Links to links are followed only to a limit, since an archive of many would take hours."""
    path = tmp_path / "links.tar"
    with tarfile.open(path, "w") as archive:
        for number in range(30_000):
            add_link(archive, f"{number}", f"{number + 1}", tarfile.SYMTYPE)
        add_file(archive, "30000", b"[]")
        add_link(archive, "manifest.json", "0", tarfile.SYMTYPE)
    begun = time.monotonic()
    with pytest.raises(ImageError, match=r"it has no file 'manifest\.json'"):
        push_docker_archive(ecr, REPOSITORY, path)
    assert time.monotonic() - begun < 60


@pytest.mark.parametrize("name", ["manifest.json", "index.json"])
def test_a_large_document_is_not_read(ecr: FakeECR, tmp_path: Path, name: str) -> None:
    """A document that unpacks to more than any manifest has is refused before it is in memory."""
    path = tmp_path / "large.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        if name == "index.json":
            add_file(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        add_file(archive, name, b"[" + bytes(33 * 1024 * 1024) + b"]")
    with pytest.raises(ImageError, match="At most 33,554,432 are read"):
        push_docker_archive(ecr, REPOSITORY, path)


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
    """Hard links name a member; a link that leads nowhere is a missing file."""
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
    """Compressed layers in archives of other tools are checked and pushed unchanged."""
    image = build_image(media_types=DOCKER)
    layers = [gzip.compress(gzip.decompress(layer.content)) for layer in image.layers]
    path = save(tmp_path / "saved.tar", image, ["app:1.0"], layers=layers)
    push_docker_archive(ecr, REPOSITORY, path)
    pulled = pull(ecr, REPOSITORY, "1.0")
    assert isinstance(pulled, Image)
    assert [layer.content for layer in pulled.layers] == layers
    assert {layer.media_type for layer in pulled.layers} == {DOCKER.layer_gzip}


def test_a_tag_chooses_among_saved_images(ecr: FakeECR, tmp_path: Path) -> None:
    """An archive of several images pushes all under their tags, or only the requested one."""
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
    """An archive of Docker 25 and later, which is an image layout too, is pushed as one."""
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
        ([ENTRY], {}, "but another number of 'diff_ids' in config.json"),
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
    """An archive that contradicts its `manifest.json` or configuration is refused, and nothing is pushed."""
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
