"""The how-to pages about Lambda functions and Batch jobs: their blocks run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from docker import DockerClient

from moto_ecr_ext.testing import Image, push
from support.commands import running_server
from support.pages import blocks_of, pages_run_by, unused_blocks
from support.programs import Home, Program, find

BLOCKS = {
    name: text
    for page in pages_run_by("tests/integrations")
    for name, text in blocks_of(page).items()
}


def shell(home: Path, address: str, **variables: str) -> Program:
    """A shell that finds the daemon."""
    return Home(home, **variables, **settings(address)).program("bash", "-e", "-c")


def settings(address: str) -> dict[str, str]:
    """The variables that lead to the daemon, whose containers share the machine's network."""
    return {"DOCKER_HOST": address, "MOTO_DOCKER_NETWORK_MODE": "host"}


def test_every_block_is_run() -> None:
    """A test of this file runs every block."""
    assert unused_blocks("tests/integrations") == []


def test_the_function_of_the_test(
    docker: DockerClient, docker_address: str, runtime_tree: Path, tmp_path: Path
) -> None:
    """The test passes, and leaves no container."""
    run = shell(tmp_path / "home", docker_address)
    shutil.copytree(runtime_tree, tmp_path / "home" / "function")
    (tmp_path / "home" / "test_function.py").write_text(BLOCKS["test_function.py"])
    said = run(f"{sys.executable} -m pytest -W error -p no:cacheprovider test_function.py")
    assert "1 passed" in said
    assert docker.api.containers(all=True) == []


def test_the_commands(
    docker: DockerClient,
    docker_address: str,
    image: Image,
    tmp_path: Path,
) -> None:
    """The function answers, and the job is registered; the server removes its containers when it ends."""
    find("aws")
    with running_server(**settings(docker_address)) as server:
        ecr = server.client()
        ecr.create_repository(repositoryName="app")
        push(ecr, "app", image, tag="1.0")
        run = shell(
            tmp_path / "home",
            docker_address,
            AWS_ACCESS_KEY_ID="test",
            AWS_SECRET_ACCESS_KEY="test",
            AWS_DEFAULT_REGION="us-east-1",
            AWS_ENDPOINT_URL=server.url,
        )
        said = run(BLOCKS["invoke"].replace("127.0.0.1:5000", server.address))
        assert json.loads(said.splitlines()[-1]) == {"name": "moto"}
        assert len(docker.api.containers(all=True)) == 1
        answer = server.client("lambda").invoke(FunctionName="app", Payload=b'{"do": "describe"}')
        assert json.loads(answer["Payload"].read())["endpoint"] == server.url
        assert '"jobDefinitionName": "work"' in run(
            BLOCKS["job"].replace("127.0.0.1:5000", server.address)
        )
    assert docker.api.containers(all=True) == []
