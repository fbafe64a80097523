"""containerd's `ctr`, with a separate containerd."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import Image, build_image, build_index, push, write_oci_layout
from support.commands import Server
from support.fault_rules import FaultRules
from support.programs import Home, Program, find, need_root, running_daemon
from support.pushed import RemoteRepository

# Kubernetes' part would open a port.
_CONFIG = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of a containerd."""
    find("ctr")
    need_root("containerd")
    data = tmp_path_factory.mktemp("containerd")
    (data / "config.toml").write_text(_CONFIG)
    # The path of a socket has at most 107 bytes.
    with tempfile.TemporaryDirectory(prefix="containerd-") as run:
        daemon = running_daemon(
            *("containerd", "--config", data / "config.toml", "--root", data / "root"),
            *("--state", f"{run}/state", "--address", f"{run}/socket"),
            says="containerd successfully booted",
        )
        with daemon:
            yield f"{run}/socket"


@pytest.fixture
def ctr(home: Home, daemon: str, request: pytest.FixtureRequest) -> Program:
    """ctr, in a separate namespace for the test."""
    # "." and "_" are the only marks that the name of a namespace has inside.
    namespace = request.node.name.replace("[", ".").rstrip("]").replace("-", "_")
    return home.program("ctr", "--address", daemon, "--namespace", namespace)


@pytest.fixture
def login(registry: Server) -> tuple[str, ...]:
    """The options of every command that talks to the registry."""
    return ("--plain-http", "--user", f"AWS:{registry.password}")


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An OCI layout in an archive, with an image `1.0` and an index `multi`."""
    image = build_image(seed=1, layers=3, layer_size=300_000)
    arm = build_image(seed=2, architecture="arm64")
    write_oci_layout(image, tmp_path / "layout", "1.0")
    layout = write_oci_layout(build_index([image, arm]), tmp_path / "layout", "multi")
    with tarfile.open(tmp_path / "layout.tar", "w") as archive:
        archive.add(layout, arcname=".")
    return tmp_path / "layout.tar"


# Through containerd's transfer service, and by ctr itself.
@pytest.mark.parametrize("way", [(), ("--local",)], ids=["transfer", "local"])
@pytest.mark.parametrize("tag", ["1.0", "multi"])
def test_an_image_is_pushed_and_pulled(
    ctr: Program,
    login: tuple[str, ...],
    remote: RemoteRepository,
    archive: Path,
    tag: str,
    way: Any,
) -> None:
    """An image that is imported, pushed and pulled again has the same bytes in every blob."""
    name = f"{remote.uri}:{tag}"
    ctr(
        *("images", "import", "--no-unpack", "--all-platforms", "--base-name", remote.uri),
        archive,
    )
    ctr("images", "push", *way, *login, name)

    stored = remote.index(tag) if tag == "multi" else remote.image(tag)
    assert stored.digest in ctr("images", "ls", f"name=={name}")

    ctr("images", "rm", "--sync", *ctr("images", "ls", "--quiet").split())
    ctr("content", "prune", "references")
    assert ctr("content", "ls", "--quiet") == ""

    ctr("images", "pull", "--all-platforms", "--snapshotter", "native", *login, name)
    assert stored.digest in ctr("images", "ls", f"name=={name}")
    fetched = set(ctr("content", "ls", "--quiet").split())
    assert fetched == _digests(stored.document) | {stored.digest} | {
        digest for each in getattr(stored, "images", ()) for digest in _digests(each.document)
    }
    manifest = json.loads(ctr("content", "get", stored.digest))
    assert manifest == stored.document


def _digests(document: dict) -> set[str]:
    """The digests that a manifest or an index refers to."""
    parts = [*document.get("manifests", ()), *document.get("layers", ())]
    return {each["digest"] for each in [*parts, document.get("config", {})] if each}


def test_a_wrong_password(ctr: Program, remote: RemoteRepository) -> None:
    """A pull with another password is refused."""
    said = ctr.refused(
        *("images", "pull", "--plain-http", "--user", "AWS:another", f"{remote.uri}:1.0")
    )

    assert "400 Bad Request" in said


@pytest.fixture
def image(remote: RemoteRepository) -> Image:
    """An image in the registry, with a layer of 4 MB."""
    image = build_image(seed=remote.name, layer_size=4_000_000, compression="none")
    push(remote.ecr, remote.name, image, tag="1.0")
    return image


BLOBS = "GET /v2/*/blobs/*"


@pytest.mark.parametrize(
    "rule",
    [
        {"fault": "throttle", "call": BLOBS, "times": 1},
        {"fault": "cut", "call": BLOBS, "after": 2_000_000, "times": 1},
        {"fault": "close_while_streaming", "call": BLOBS, "times": 1},
    ],
    ids=["throttled", "cut", "closed"],
)
def test_a_fetch_goes_on_after(
    ctr: Program,
    login: tuple[str, ...],
    remote: RemoteRepository,
    image: Image,
    rules: FaultRules,
    rule: dict[str, Any],
) -> None:
    """A fetch repeats a throttled request, and continues a download that breaks off."""
    rules.put(rule)
    ctr("content", "fetch", *login, f"{remote.uri}:1.0")
    assert rules.strikes() == [1]
    fetched = set(ctr("content", "ls", "--quiet").split())
    assert fetched == {image.digest, *(each.digest for each in image.blobs)}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"fault": "fail", "call": BLOBS, "status": 503, "times": 1}, "503 Service Unavailable"),
        ({"fault": "corrupt", "call": BLOBS, "times": 1}, "unexpected commit digest"),
    ],
    ids=["unavailable", "corrupt"],
)
def test_a_fetch_ends_after(
    ctr: Program,
    login: tuple[str, ...],
    remote: RemoteRepository,
    image: Image,
    rules: FaultRules,
    rule: dict[str, Any],
    message: str,
) -> None:
    """A fetch gives up after a 503, and after a blob with another digest, whose bytes containerd keeps."""
    rules.put(rule)
    assert message in ctr.refused("content", "fetch", *login, f"{remote.uri}:1.0")
    assert rules.strikes() == [1]
