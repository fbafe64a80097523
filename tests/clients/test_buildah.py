"""buildah: images built, pushed, pulled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from moto_ecr_ext.testing import DOCKER, OCI
from support.commands import Server
from support.podman_and_buildah import containers_program
from support.programs import Home, Program
from support.pushed import RemoteRepository, files_of

DATA = bytes(range(256)) * 20_000


@pytest.fixture
def buildah(home: Home, registry: Server) -> Program:
    """buildah with separate storage, logged in by its own command."""
    buildah = containers_program("buildah", home)
    login = ("login", "--tls-verify=false", "--username", "AWS", "--password-stdin")
    assert "Login Succeeded!" in buildah(*login, registry.address, stdin=registry.password)
    return buildah


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file to build images of."""
    (tmp_path / "data").write_bytes(DATA)
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("form", "media_types"), [("oci", OCI), ("docker", DOCKER)], ids=["oci", "docker"]
)
def test_a_built_image_is_pushed_and_pulled(
    buildah: Program,
    remote: RemoteRepository,
    data: Path,
    tmp_path: Path,
    form: str,
    media_types: Any,
) -> None:
    """The API lists the digest that the push reported; a pull brings the same image back."""
    container = buildah("from", "scratch").strip()
    buildah("copy", container, data, "/srv/data")
    buildah("config", "--env", "MODE=test", container)
    buildah("commit", "--format", form, container, f"{remote.uri}:1.0")
    pushed = tmp_path / "digest"
    buildah("push", "--tls-verify=false", "--digestfile", pushed, f"{remote.uri}:1.0")

    image = remote.image("1.0")
    assert image.digest == pushed.read_text()
    assert image.media_type == media_types.manifest
    assert files_of(image) == {"srv/data": DATA}

    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")
    pulled = buildah("from", "--tls-verify=false", f"{remote.uri}@{image.digest}").strip()
    described = buildah("inspect", "--format", "{{.FromImageDigest}}", pulled)
    assert described.strip() == image.digest
    assert Path(buildah("mount", pulled).strip(), "srv/data").read_bytes() == DATA


def test_an_image_is_built_on_one_of_the_registry(
    buildah: Program, remote: RemoteRepository, data: Path, tmp_path: Path
) -> None:
    """A Containerfile that starts from a pushed image pulls it, and adds to it."""
    container = buildah("from", "scratch").strip()
    buildah("copy", container, data, "/srv/data")
    buildah("commit", container, f"{remote.uri}:base")
    buildah("push", "--tls-verify=false", f"{remote.uri}:base")
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")

    (tmp_path / "Containerfile").write_text(f"FROM {remote.uri}:base\nCOPY data /srv/more\n")
    buildah("build", "--tls-verify=false", "--tag", f"{remote.uri}:1.0", tmp_path)
    buildah("push", "--tls-verify=false", f"{remote.uri}:1.0")

    base, image = remote.image("base"), remote.image("1.0")
    assert image.layers[0].digest == base.layers[0].digest
    assert files_of(image) == {"srv/data": DATA, "srv/more": DATA}
