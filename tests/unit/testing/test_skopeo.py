"""Images, layouts and archives that skopeo reads and writes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import (
    DOCKER,
    Image,
    build_image,
    build_index,
    pull,
    push_docker_archive,
    push_oci_layout,
    write_oci_layout,
)
from support.fake_ecr import REPOSITORY, FakeECR

pytestmark = [
    pytest.mark.client,
    pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not installed"),
]


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


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_skopeo_reads_a_built_image(tmp_path: Path, compression: Any) -> None:
    """A real client accepts the layout, and agrees on every digest."""
    image = build_image(layers=3, compression=compression, config={"Labels": {"a": "b"}})
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    inspected = json.loads(skopeo("inspect", f"oci:{layout}:1.0"))
    assert inspected["Digest"] == image.digest
    assert inspected["Layers"] == [layer.digest for layer in image.layers]
    assert inspected["Labels"] == {"a": "b"}


def test_skopeo_copies_every_image_of_an_index(tmp_path: Path) -> None:
    """A copy of the index through skopeo, which checks all digests, is the same index."""
    index = build_index([build_image(), build_image(seed=1, architecture="arm64", variant="v8")])
    layout = write_oci_layout(index, tmp_path / "layout", tag="1.0")
    skopeo("copy", "--all", f"oci:{layout}:1.0", f"oci:{tmp_path / 'copy'}:1.0")
    (entry,) = json.loads((tmp_path / "copy" / "index.json").read_bytes())["manifests"]
    assert entry["digest"] == index.digest


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


def test_an_oci_archive_that_skopeo_writes_is_pushed(ecr: FakeECR, tmp_path: Path) -> None:
    """The manifest inside a real OCI archive is pushed byte for byte."""
    image = build_image()
    layout = write_oci_layout(image, tmp_path / "layout", tag="1.0")
    archive = tmp_path / "archive.tar"
    skopeo("copy", f"oci:{layout}:1.0", f"oci-archive:{archive}:2.0")
    assert push_oci_layout(ecr, REPOSITORY, archive) == [image.digest]
    assert ecr.tags == {"2.0": image.digest}


def test_skopeo_reads_a_built_docker_image(tmp_path: Path) -> None:
    """Images in Docker's media types are as acceptable, unpacked layers included."""
    image = build_image(media_types=DOCKER, layers=2)
    directory = write_skopeo_directory(image, tmp_path / "directory")
    assert json.loads(skopeo("inspect", f"dir:{directory}"))["Digest"] == image.digest
    skopeo("copy", f"dir:{directory}", f"docker-archive:{tmp_path / 'saved.tar'}:app:1.0")
