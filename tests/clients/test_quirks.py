"""Clients at a registry that has ECR's quirks: they push, list and pull all the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_ecr_ext.testing import Image, build_image, push, write_oci_layout
from support.commands import Server, running_server
from support.docker_daemon import STORES, running_docker
from support.programs import Home
from support.pushed import RemoteRepository, files_of

FILES = {"srv/app": b"an application"}


@pytest.fixture(scope="module")
def registry() -> Iterator[Server]:
    """A server with ECR's quirks."""
    with running_server("--quirks", "aws") as server:
        yield server


@pytest.fixture
def image() -> Image:
    """An image whose manifest is too large to be sent with its length."""
    image = build_image(seed="quirks", layers=20, layer_size=100, files=FILES)
    assert len(image.manifest) > 2048
    return image


def test_skopeo(
    home: Home, registry: Server, remote: RemoteRepository, image: Image, tmp_path: Path
) -> None:
    """An image goes to the registry and back, and all pages of its tags are listed."""
    skopeo = home.program("skopeo", REGISTRY_AUTH_FILE=str(home.path / "auth.json"))
    login = ("--username", "AWS", "--password-stdin", registry.address)
    skopeo("login", "--tls-verify=false", *login, stdin=registry.password)
    layout = write_oci_layout(image, tmp_path / "layout", "1.0")
    tags = [f"t{number:03}" for number in range(120)]

    skopeo(*("copy", "--dest-tls-verify=false"), f"oci:{layout}:1.0", f"docker://{remote.uri}:t000")
    for tag in tags[1:]:
        remote.ecr.put_image(
            repositoryName=remote.name, imageManifest=image.manifest.decode(), imageTag=tag
        )
    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{remote.uri}")
    skopeo(
        "copy", "--src-tls-verify=false", f"docker://{remote.uri}:t119", f"oci:{tmp_path}/back:1"
    )

    assert all(f'"{tag}"' in listed for tag in tags)
    for blob in (image.config, *image.layers):
        path = tmp_path / "back/blobs/sha256" / blob.digest.partition(":")[2]
        assert path.read_bytes() == blob.content


def test_oras(home: Home, registry: Server, remote: RemoteRepository) -> None:
    """An artifact goes to the registry and back."""
    oras = home.program("oras")
    login = ("--username", "AWS", "--password-stdin", registry.address)
    oras("login", "--plain-http", *login, stdin=registry.password)
    (home.path / "report.json").write_text("{}")
    (home.path / "config.json").write_text("{}")
    # oras embeds an empty configuration into the manifest, which ECR's schema refuses.
    config = ("--config", "config.json:application/vnd.example.config+json")

    oras("push", "--plain-http", *config, f"{remote.uri}:1.0", "report.json:application/json")
    oras("pull", "--plain-http", "--output", "pulled", f"{remote.uri}:1.0")

    assert (home.path / "pulled/report.json").read_text() == "{}"
    assert oras("repo", "tags", "--plain-http", remote.uri).split() == ["1.0"]


@pytest.mark.parametrize("store", STORES)
def test_docker(
    home: Home,
    registry: Server,
    remote: RemoteRepository,
    image: Image,
    store: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """An image is pulled, and pushed again under another tag."""
    push(remote.ecr, remote.name, image, tag="1.0")
    with running_docker(tmp_path_factory.mktemp("docker"), store) as address:
        docker = home.program("docker", "--host", address)
        login = ("--username", "AWS", "--password-stdin", registry.address)
        docker("login", *login, stdin=registry.password)

        docker("pull", f"{remote.uri}:1.0")
        docker("tag", f"{remote.uri}:1.0", f"{remote.uri}:2.0")
        docker("push", f"{remote.uri}:2.0")

    pushed = remote.image("2.0")
    assert files_of(pushed)["srv/app"] == FILES["srv/app"]
