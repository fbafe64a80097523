"""The image of Dockerfile: the README's first page and the how-to pages, against a container."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from support.commands import PATIENCE
from support.debian_base import import_base
from support.docker_daemon import running_docker
from support.pages import HOW_TO, blocks_of
from support.programs import Home, find

ROOT = Path(__file__).parents[2]
BLOCKS = blocks_of(ROOT / "README.rst")
IMAGE_PAGE = blocks_of(HOW_TO / "container-image.rst")
COMPOSE_PAGE = blocks_of(HOW_TO / "compose.rst")
# The daemon of the tests has no separate network for containers.
ON_THE_HOST = """\
services:
  registry:
    network_mode: host
    ports: !reset []
    environment:
      MOTO_PORT: "{port}"
"""
# Seconds that building the image may take: pip installs some 35 packages.
BUILD = 600


class Container:
    """A server in a container, and a shell of its user."""

    def __init__(self, home: Home, port: int) -> None:
        self.home = home
        self.docker = home.program("docker")
        self.port = port
        self.address = f"127.0.0.1:{port}"
        run = IMAGE_PAGE["run-the-image"].replace(
            "docker run", f"docker run --network host --env MOTO_PORT={port}"
        )
        self.id = self.shell(run).strip()

    def state(self) -> dict[str, Any]:
        """Return the daemon's state of the container."""
        state: dict[str, Any] = json.loads(
            self.docker("inspect", "--format", "{{json .State}}", self.id)
        )
        return state

    def wait_until_healthy(self) -> None:
        """Return once the check of the image says so."""
        until = time.monotonic() + PATIENCE
        while self.state()["Health"]["Status"] != "healthy":
            state = self.state()
            log = self.docker("logs", self.id)
            assert state["Running"], log
            assert time.monotonic() < until, f"{state['Health']}\n{log}"
            time.sleep(0.2)

    def page(self, name: str) -> str:
        """Return the output of a block of the README, at the container's address."""
        return self.shell(BLOCKS[name].replace(".venv/bin/python", sys.executable))

    def shell(self, text: str) -> str:
        """Return the output of commands, with the README's variables."""
        text = (BLOCKS["environment"] + text).replace("127.0.0.1:5000", self.address)
        return self.home.program("bash", "-euo", "pipefail", "-c")(text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of a user of docker, whose daemon has the image."""
    find("docker")
    with running_docker(tmp_path_factory.mktemp("docker")) as address:
        home = Home(tmp_path_factory.mktemp("home"), DOCKER_HOST=address)
        import_base(home.variables, "base")
        shell = home.program("bash", "-euo", "pipefail", "-c")
        shell.patience = BUILD
        build = IMAGE_PAGE["build-the-image"].replace(
            "docker build", shlex.join(["docker", "build", *_arguments_of_the_build()])
        )
        built = shell.run(f"cd {shlex.quote(str(ROOT))}; {build}")
        if "No matching distribution found" in built.stdout + built.stderr:
            pytest.skip("pip finds no package index here")
        assert built.returncode == 0, built.stdout + built.stderr
        yield home


def _arguments_of_the_build() -> list[str]:
    """Return the network and the base of the tests, and the build arguments with which pip finds PyPI here."""
    names = [name for name in ("PIP_INDEX_URL", "PIP_CERT") if os.environ.get(name)]
    values = ["BASE=base", *(f"{name}={os.environ[name]}" for name in names)]
    return ["--network", "host", *(word for value in values for word in ("--build-arg", value))]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


@pytest.fixture
def container(home: Home) -> Iterator[Container]:
    """A container that runs, on an empty volume."""
    container = Container(home, _free_port())
    container.wait_until_healthy()
    yield container
    container.docker("rm", "--force", container.id)
    container.docker("volume", "rm", "registry")


def test_the_first_page_of_the_readme(container: Container) -> None:
    """A repository is created, docker pushes and pulls, and the AWS CLI lists what it pushed."""
    find("aws")
    (container.home.path / "README.rst").write_bytes((ROOT / "README.rst").read_bytes())

    created = container.page("create-a-repository")
    said = container.page("docker")

    assert f'"repositoryUri": "{container.address}/team/app"' in created
    assert f"Downloaded newer image for {container.address}/team/app:1.0" in said
    (details,) = json.loads(container.page("describe-images"))["imageDetails"]
    assert details["imageDigest"] in said
    assert details["imageTags"] == ["1.0"]


def test_its_log_shows_the_login(container: Container) -> None:
    """`docker logs` has the commands that log in, with the address of the container."""
    log = container.shell(IMAGE_PAGE["log-of-the-image"].strip() + " 2>&1")

    assert f"docker login --username AWS --password-stdin {container.address}" in log


def test_compose_starts_a_registry(home: Home) -> None:
    """`docker compose up --wait` returns when the registry is healthy, and `down` removes its container."""
    find("docker-compose")
    port = _free_port()
    (home.path / "compose.yaml").write_text(COMPOSE_PAGE["compose.yaml"])
    (home.path / "compose.override.yaml").write_text(ON_THE_HOST.format(port=port))
    shell = home.program("bash", "-euo", "pipefail", "-c")

    shell(COMPOSE_PAGE["compose-up"])

    health = requests.get(f"http://127.0.0.1:{port}/moto-api/ecr/health", timeout=PATIENCE)
    assert health.status_code == 200
    shell(COMPOSE_PAGE["compose-down"])
    assert home.program("docker")("ps", "--all", "--quiet", "--filter", "name=registry") == ""


def test_stopping_it_loses_nothing(container: Container) -> None:
    """`docker stop` ends the server in order, before docker kills it; another container on the volume has all data."""
    container.page("create-a-repository-with-boto3")

    asked_at = time.time()
    container.docker("stop", container.id)

    state = container.state()
    assert state["ExitCode"] == 0
    assert _seconds(state["FinishedAt"]) - asked_at < 5
    container.docker("rename", container.id, "stopped")
    another = Container(container.home, container.port)
    another.wait_until_healthy()
    names = (
        "import boto3;"
        "print([each['repositoryName']"
        " for each in boto3.client('ecr').describe_repositories()['repositories']])"
    )
    assert another.shell(f'{sys.executable} -c "{names}"') == "['team/app']\n"
    another.docker("rm", "--force", another.id)


def test_it_is_one_process_without_privileges(container: Container) -> None:
    """The server is process 1, of a user who is not root and has the volume."""
    # docker finds the container's processes by the column PID.
    top = container.docker("top", container.id, "-eo", "pid,uid,args").splitlines()[1:]
    served = [line.split()[1] for line in top if "moto_ecr_server" in line]

    assert served == ["10001"]
    assert container.docker("exec", container.id, "stat", "--format=%u", "/data") == "10001\n"


def _seconds(text: str) -> float:
    """Return a time as docker writes it, with nanoseconds."""
    return datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()
