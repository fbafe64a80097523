"""docker's daemon for the tests of services that run images, and the images."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import NotFound
from requests import RequestException

from moto_ecr_ext.integrations.awslambda.removal import remove_containers
from moto_ecr_ext.testing import Image
from support.containers import compiled_runtime, runtime_image
from support.docker_daemon import running_docker
from support.environments import Environment
from support.waiting import PATIENCE


@pytest.fixture(scope="session")
def docker_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a daemon without networks: its containers share the machine's."""
    with running_docker(tmp_path_factory.mktemp("docker")) as address:
        yield address


@pytest.fixture
def docker(docker_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerClient]:
    """A client of the daemon, which the extension uses too. No container is left in it."""
    monkeypatch.setenv("DOCKER_HOST", docker_address)
    monkeypatch.setenv("MOTO_DOCKER_NETWORK_MODE", "host")
    client = DockerClient(docker_address)
    yield client
    remove_containers()
    left = [
        each["Id"] for each in client.api.containers(all=True) if not is_gone(client, each["Id"])
    ]
    for container in left:
        client.api.remove_container(container, force=True)
    client.close()
    assert left == []


def is_gone(client: DockerClient, container: str) -> bool:
    """Return whether a container is removed. Batch does so on another thread, after the job has ended."""
    try:
        client.api.wait(container, timeout=PATIENCE, condition="removed")
    except NotFound:
        return True
    except RequestException:  # It took too long.
        return False
    return True


@pytest.fixture(scope="session")
def runtime_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a static program that is a Lambda runtime and its handler."""
    return compiled_runtime(tmp_path_factory.mktemp("runtime"))


@pytest.fixture(scope="session")
def image(runtime_tree: Path) -> Image:
    """An image of that program."""
    return runtime_image(runtime_tree)


@pytest.fixture
def role(aws: Environment) -> str:
    """The ARN of a role for functions."""
    answer = aws.client("iam").create_role(
        RoleName="lambda",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}),
    )
    arn: str = answer["Role"]["Arn"]
    return arn


@pytest.fixture
def functions(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of Lambda that tries once."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return aws.client("lambda")


@pytest.fixture
def repositories(ecr: Any) -> None:
    """Two repositories with resource tags, and one without."""
    for name, tags in (("aa", {"team": "red"}), ("bb", {"team": "blue", "x": "y"}), ("cc", {})):
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        ecr.create_repository(repositoryName=name, tags=pairs)
