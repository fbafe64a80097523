"""A server with `--login optional --create-on-push always`: clients push and pull as to any registry of a CI job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_ecr_ext.testing import build_image, write_oci_layout
from support.commands import Server, running_server
from support.docker_daemon import STORES, running_docker
from support.podman_and_buildah import containers_program
from support.programs import Home
from support.pushed import RemoteRepository, files_of

FILES = {"data": b"pushed without a login"}


@pytest.fixture(scope="module")
def open_server() -> Iterator[Server]:
    """The server."""
    with running_server("--login", "optional", "--create-on-push", "always") as server:
        yield server


@pytest.fixture
def address(open_server: Server) -> str:
    """The address of the server when it is empty, as a CI job writes it."""
    open_server.reset()
    return open_server.address.replace("127.0.0.1", "localhost")


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """The context of an image of one file."""
    context = tmp_path / "context"
    context.mkdir()
    for name, content in FILES.items():
        (context / name).write_bytes(content)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY data /\n")
    return context


def pushed(server: Server) -> RemoteRepository:
    """The repository that the push has created."""
    ecr = server.client()
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["repositoryName"] == "app"
    return RemoteRepository("app", repository["repositoryUri"], ecr)


@pytest.mark.parametrize("store", STORES)
def test_docker(
    open_server: Server, address: str, context: Path, tmp_path: Path, store: str
) -> None:
    """`docker push localhost:PORT/app` works at once, and so does a pull."""
    data = tmp_path / "docker"
    data.mkdir()
    with running_docker(data, store) as daemon:
        docker = Home(tmp_path / "home", DOCKER_HOST=daemon).program("docker")
        docker("build", "--tag", f"{address}/app", context)
        docker("push", f"{address}/app")
        docker("rmi", f"{address}/app")
        docker("pull", f"{address}/app")
        docker("logout", address)

    remote = pushed(open_server)
    # containerd's store makes an index of every image.
    is_index = store == "containerd"
    image = remote.index("latest").images[0] if is_index else remote.image("latest")
    assert files_of(image) == FILES


def test_docker_after_a_login(open_server: Server, address: str, tmp_path: Path) -> None:
    """`docker login` also succeeds, for jobs that log in anyway."""
    data = tmp_path / "docker"
    data.mkdir()
    with running_docker(data) as daemon:
        docker = Home(tmp_path / "home", DOCKER_HOST=daemon).program("docker")
        login = ("login", "--username", "AWS", "--password-stdin", address)
        assert "Login Succeeded" in docker(*login, stdin=open_server.password)


def test_podman(open_server: Server, address: str, context: Path, tmp_path: Path) -> None:
    """podman pushes and pulls with the option for plain HTTP as its only one."""
    podman = containers_program("podman", Home(tmp_path / "home"))
    podman("build", "--tag", f"{address}/app:latest", context)
    podman("push", "--tls-verify=false", f"{address}/app:latest")
    podman("rmi", "--all", "--force")
    podman("pull", "--tls-verify=false", f"{address}/app:latest")

    assert files_of(pushed(open_server).image("latest")) == FILES


def test_skopeo(open_server: Server, address: str, tmp_path: Path) -> None:
    """skopeo pushes and pulls without a login."""
    skopeo = Home(tmp_path / "home").program("skopeo")
    image = build_image(layers=2)
    write_oci_layout(image, tmp_path / "layout", "1.0")
    skopeo(
        *("copy", "--dest-tls-verify=false"),
        *(f"oci:{tmp_path / 'layout'}:1.0", f"docker://{address}/app:1.0"),
    )
    skopeo(
        *("copy", "--src-tls-verify=false"),
        *(f"docker://{address}/app:1.0", f"dir:{tmp_path / 'back'}"),
    )

    assert pushed(open_server).digest_of("1.0") == image.digest
