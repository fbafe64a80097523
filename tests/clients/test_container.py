"""The image of Dockerfile: the first page of the README against a container, which is stopped and started again."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from support.commands import PATIENCE
from support.debian_base import import_base
from support.docker_daemon import running_docker
from support.pages import blocks_of
from support.programs import Home, find

ROOT = Path(__file__).parents[2]
BLOCKS = blocks_of(ROOT / "README.rst")
# Seconds that building the image may take: pip installs some 35 packages.
BUILD = 600


class Container:
    """A server in a container, and a shell of its user."""

    def __init__(self, home: Home, port: int) -> None:
        self.home = home
        self.docker = home.program("docker")
        self.port = port
        self.address = f"127.0.0.1:{port}"
        network = ("--network", "host", "--env", f"MOTO_PORT={port}")
        self.id = self.docker(
            "run", "--detach", *network, "--volume", "registry:/data", "moto-ecr"
        ).strip()

    def state(self) -> dict[str, Any]:
        """What the daemon knows of it."""
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
        """What a block of the README writes, at the container's address."""
        return self.shell(BLOCKS[name].replace(".venv/bin/python", sys.executable))

    def shell(self, text: str) -> str:
        """What commands write, with the variables that the README sets."""
        text = (BLOCKS["environment"] + text).replace("127.0.0.1:5000", self.address)
        return self.home.program("bash", "-euo", "pipefail", "-c")(text)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """The home of a user of docker, whose daemon has the image."""
    find("docker")
    with running_docker(tmp_path_factory.mktemp("docker")) as address:
        home = Home(tmp_path_factory.mktemp("home"), DOCKER_HOST=address)
        import_base(home.variables, "base")
        docker = home.program("docker")
        docker.patience = BUILD
        built = docker.run(
            *("build", "--network", "host", "--build-arg", "BASE=base", "--tag", "moto-ecr"),
            *_arguments_of_pip(),
            ROOT,
        )
        if "No matching distribution found" in built.stdout + built.stderr:
            pytest.skip("pip finds no package index here")
        assert built.returncode == 0, built.stdout + built.stderr
        yield home


def _arguments_of_pip() -> list[str]:
    """The build arguments that have pip find PyPI as it does here."""
    names = [name for name in ("PIP_INDEX_URL", "PIP_CERT") if os.environ.get(name)]
    return [word for name in names for word in ("--build-arg", f"{name}={os.environ[name]}")]


@pytest.fixture
def container(home: Home) -> Iterator[Container]:
    """A container that runs, on an empty volume."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    container = Container(home, port)
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


def test_stopping_it_loses_nothing(container: Container) -> None:
    """`docker stop` ends it in order, before docker kills it; another one on the volume has all that it had."""
    container.page("create-a-repository-with-boto3")

    asked_at = time.time()
    container.docker("stop", container.id)

    state = container.state()
    assert state["ExitCode"] == 0
    assert _seconds(state["FinishedAt"]) - asked_at < 5
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
