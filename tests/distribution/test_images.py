"""moto_ecr_ext.testing.images: files, configurations and histories of images in registries, and of built ones."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext import testing
from moto_ecr_ext.testing import images
from moto_ecr_ext.testing.builder import assemble_image
from moto_ecr_ext.testing.images import Images
from support.constants import ACCOUNT, REGION
from support.environments import Environment

HISTORY = [
    {"created_by": "COPY /app", "created": "2026-01-01T00:00:00Z"},
    {"created_by": "ENV A=1", "empty_layer": True, "comment": "nothing"},
    {"created_by": "COPY /conf"},
]
_BUILT = testing.build_image(
    files=[
        {"etc/app.conf": b"debug = true", "app/main.py": b"print()", "app/old": b"x"},
        {"etc/app.conf": b"debug = false", "app/.wh.old": b""},
    ],
    config={"User": "app"},
)
_CONFIG = {**json.loads(_BUILT.config.content), "history": HISTORY}
IMAGE = assemble_image(
    testing.OCI,
    config=testing.Blob(json.dumps(_CONFIG).encode(), testing.OCI.config),
    layers=_BUILT.layers,
)
NEXT = testing.build_image(
    files=[
        # The same files in other layers.
        {"app/main.py": b"print()"},
        {"etc/app.conf": b"debug = FALSE", "app/new": b""},
    ]
)
ARM = testing.build_image(files={"arm": b"64"}, architecture="arm64", variant="v8")
INDEX = testing.build_index([IMAGE, ARM])
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


@pytest.fixture
def reader(aws: Environment, ecr: Any) -> Images:
    """The images of this process, or of the server."""
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    testing.push(ecr, "team/app", NEXT, tag="1.1")
    testing.push(ecr, "team/app", INDEX, tag="all")
    return Images() if aws.endpoint_url is None else Images(ecr)


def test_files(reader: Images) -> None:
    """The files have all layers applied; an entry names the layer that has its content."""
    files = reader.files("team/app:1.0")
    assert [*files] == ["app", "app/main.py", "etc", "etc/app.conf"]
    entry = files["etc/app.conf"]
    assert (entry.kind, entry.size, entry.mode, entry.layer) == (
        "file",
        13,
        0o644,
        IMAGE.layers[1].digest,
    )
    assert files["app/main.py"].layer == IMAGE.layers[0].digest
    for name in (f"team/app@{IMAGE.digest}", f"{HOST}/team/app:1.0", "127.0.0.1:5000/team/app:1.0"):
        assert reader.files(name) == files
    assert reader.files(IMAGE) == files


def test_read_file(reader: Images) -> None:
    """A file has the content of the highest layer."""
    assert reader.read_file("team/app:1.0", "etc/app.conf") == b"debug = false"
    assert reader.read_file("team/app:1.0", "/app/main.py") == b"print()"
    assert reader.read_file(NEXT, "app/new") == b""


@pytest.mark.parametrize(
    ("name", "path", "reason"),
    [
        ("team/app:1.0", "etc/ap.conf", "no file etc/ap.conf; did you mean etc/app.conf?"),
        ("team/app:1.0", "app/old", "The image has no file app/old"),
        ("team/app:1.0", "../x", "The image has no file ../x"),
        ("team/app:1.0", "etc", "etc is a directory."),
        ("team/app:2.0", "etc/app.conf", "2.0"),
        ("team/app", "etc/app.conf", "latest"),
        ("team/none:1.0", "etc/app.conf", "team/none"),
    ],
)
def test_missing_files(reader: Images, name: str, path: str, reason: str) -> None:
    """An image or a file that does not exist is an error that names it."""
    with pytest.raises(Exception, match=r"(?s).*") as caught:
        reader.read_file(name, path)
    assert reason in str(caught.value)


def test_config_and_history(reader: Images) -> None:
    """The configuration is the image's JSON; each step of the history has its layer."""
    config = reader.config("team/app:1.0")
    assert config == json.loads(IMAGE.config.content)
    assert config["config"]["User"] == "app"
    assert reader.history("team/app:1.0") == [
        images.HistoryStep("COPY /app", "2026-01-01T00:00:00Z", "", IMAGE.layers[0].digest),
        images.HistoryStep("ENV A=1", "", "nothing", None),
        images.HistoryStep("COPY /conf", "", "", IMAGE.layers[1].digest),
    ]


def test_diff(reader: Images) -> None:
    """Files are compared by content, whichever layers have them."""
    difference = reader.diff("team/app:1.0", "team/app:1.1")
    assert ([*difference.added], [*difference.removed]) == (["app/new"], [])
    assert [*difference.changed] == ["etc/app.conf"]
    before, after = difference.changed["etc/app.conf"]
    assert before.size == after.size
    assert [*reader.diff("team/app:1.1", "team/app:1.0").removed] == ["app/new"]
    assert not reader.diff("team/app:1.0", IMAGE)


def test_platforms(reader: Images) -> None:
    """An index needs a platform that it lists, unless it lists one only."""
    assert "arm" in reader.files("team/app:all", platform="linux/arm64")
    assert "etc" in reader.files(INDEX, platform="linux/amd64")
    assert "arm" in reader.files(testing.build_index([ARM]))
    with pytest.raises(testing.ImageError) as caught:
        reader.files("team/app:all")
    assert str(caught.value) == (
        "The index has several images: choose a platform. It lists linux/amd64, linux/arm64/v8."
    )
    with pytest.raises(testing.ImageError) as caught:
        reader.config("team/app:all", platform="linux/s390x")
    assert str(caught.value) == (
        "The index has none for linux/s390x. It lists linux/amd64, linux/arm64/v8."
    )


def test_artifacts(reader: Images, ecr: Any) -> None:
    """What is no container image, or no archive, is an error in a sentence."""
    artifact = testing.build_artifact(artifact_type="application/x-note", content=b"note" * 200)
    testing.push(ecr, "team/app", artifact, tag="note")
    with pytest.raises(testing.ImageError, match="no configuration of a container"):
        reader.config("team/app:note")
    with pytest.raises(testing.ImageError, match=r"Layer sha256:\w+ is not a tar archive"):
        reader.files("team/app:note")


def test_reading_is_no_call(in_process: Environment) -> None:
    """In the process, no call is made, and no pull is recorded."""
    ecr = in_process.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    before = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    images.files("team/app:1.0")
    images.read_file("team/app:1.0", "etc/app.conf")
    assert images.config("team/app:1.0")
    assert images.history("team/app:1.0")
    assert not images.diff("team/app:1.0", "team/app:1.0")
    after = ecr.describe_images(repositoryName="team/app")["imageDetails"]
    assert after == before
    assert "lastRecordedPullTime" not in after[0]


def test_memory(in_process: Environment, tmp_path: Path) -> None:
    """A large layer is streamed: memory does not grow with its size."""
    large = tmp_path / "large"
    large.write_bytes(bytes(100 * 1024 * 1024))
    image = testing.build_image(files={"large": large, "small": b"1"})
    ecr = in_process.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", image, tag="1.0")
    images.files("team/app:1.0")
    tracemalloc.start()
    try:
        assert images.files("team/app:1.0")["large"].size == 100 * 1024 * 1024
        assert images.read_file("team/app:1.0", "small") == b"1"
        assert images.diff("team/app:1.0", IMAGE).changed == {}
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_the_images_of_a_server(moto_ecr_server: testing.RunningServer) -> None:
    """The server of the fixture has its images."""
    ecr = moto_ecr_server.client()
    ecr.create_repository(repositoryName="team/app")
    testing.push(ecr, "team/app", IMAGE, tag="1.0")
    read = moto_ecr_server.images.read_file("team/app:1.0", "etc/app.conf")
    assert read == b"debug = false"
