"""podman: images built, pushed, pulled."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from moto_ecr_ext.testing import OCI
from support.commands import Server
from support.podman_and_buildah import containers_program
from support.programs import Home, Program
from support.pushed import RemoteRepository, files_of

DATA = bytes(range(256)) * 20_000


@pytest.fixture
def podman(home: Home, registry: Server) -> Program:
    """podman with separate storage, logged in by its own command."""
    podman = containers_program("podman", home)
    login = ("login", "--tls-verify=false", "--username", "AWS", "--password-stdin")
    assert "Login Succeeded!" in podman(*login, registry.address, stdin=registry.password)
    return podman


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The context of `podman build` for an image of one file."""
    context = tmp_path / "context"
    context.mkdir()
    (context / "data").write_bytes(DATA)
    (context / "Containerfile").write_text("FROM scratch\nCOPY data /srv/data\nENV MODE=test\n")
    return context


def test_a_built_image_is_pushed_and_pulled(
    podman: Program, remote: RemoteRepository, context: Path, tmp_path: Path
) -> None:
    """The API lists the digest that the push reported; a pull brings the same image back."""
    podman("build", "--tag", f"{remote.uri}:1.0", context)
    pushed = tmp_path / "digest"
    podman("push", "--tls-verify=false", "--digestfile", pushed, f"{remote.uri}:1.0")

    image = remote.image("1.0")
    assert image.digest == pushed.read_text()
    assert image.media_type == OCI.manifest
    assert files_of(image) == {"srv/data": DATA}

    podman("rmi", "--all", "--force")
    podman("pull", "--tls-verify=false", f"{remote.uri}:1.0")
    (pulled,) = json.loads(podman("image", "inspect", f"{remote.uri}:1.0"))
    assert pulled["RepoDigests"] == [f"{remote.uri}@{image.digest}"]
    assert f"sha256:{pulled['Id']}" == image.config.digest
    assert _file(podman, f"{remote.uri}:1.0", "/srv/data", tmp_path) == DATA


def test_an_image_is_pulled_by_digest(
    podman: Program, remote: RemoteRepository, context: Path, tmp_path: Path
) -> None:
    """The digest that the API lists names the image to a pull."""
    podman("build", "--tag", f"{remote.uri}:1.0", context)
    podman("push", "--tls-verify=false", f"{remote.uri}:1.0")
    name = f"{remote.uri}@{remote.digest_of('1.0')}"

    podman("rmi", "--all", "--force")
    podman("pull", "--tls-verify=false", name)

    assert _file(podman, name, "/srv/data", tmp_path) == DATA


def test_a_list_of_platforms_is_pushed(
    podman: Program, remote: RemoteRepository, context: Path
) -> None:
    """`podman manifest push` sends the index and the image of each platform."""
    podman("manifest", "create", "platforms")
    for architecture in ("amd64", "arm64"):
        # From its cache podman would take the other platform's image.
        platform = ("--no-cache", "--platform", f"linux/{architecture}")
        podman("build", *platform, "--tag", f"built:{architecture}", context)
        podman("manifest", "add", "platforms", f"built:{architecture}")

    podman("manifest", "push", "--all", "--tls-verify=false", "platforms", f"{remote.uri}:all")

    index = remote.index("all")
    assert index.media_type == OCI.index
    assert [each.platform["architecture"] for each in index.images] == ["amd64", "arm64"]
    assert all(files_of(each) == {"srv/data": DATA} for each in index.images)


def test_a_registry_is_searched_for_tags(
    podman: Program, remote: RemoteRepository, context: Path
) -> None:
    """`podman search --list-tags` names every tag."""
    podman("build", "--tag", f"{remote.uri}:1.0", context)
    for tag in ("1.0", "1.1"):
        podman("push", "--tls-verify=false", f"{remote.uri}:1.0", f"{remote.uri}:{tag}")

    found = podman("search", "--tls-verify=false", "--list-tags", "--format=json", remote.uri)

    assert json.loads(found)[0]["Tags"] == ["1.0", "1.1"]


def _file(podman: Program, image: str, path: str, directory: Path) -> bytes:
    """A file of an image as a container has it."""
    container = podman("create", image, "nothing").strip()
    podman("cp", f"{container}:{path}", directory / "file")
    return (directory / "file").read_bytes()
