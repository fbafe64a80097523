"""The page docs/running-images.rst: what it shows is run."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from docker import DockerClient

from moto_ecr_ext.testing import Image, push
from support.commands import running_server
from support.programs import Home, Program, find

PAGE = Path(__file__).parent.parent.parent / "docs" / "running-images.rst"
_BLOCK = re.compile(r"^\.\. code-block:: \S+\n   :name: (\S+)\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
BLOCKS = {name: dedent(text).strip() + "\n" for name, text in _BLOCK.findall(PAGE.read_text())}


def shell(home: Path, address: str, **variables: str) -> Program:
    """A shell that finds the daemon."""
    return Home(home, **variables, **settings(address)).program("bash", "-e", "-c")


def settings(address: str) -> dict[str, str]:
    """The variables that lead to the daemon, whose containers share the machine's network."""
    return {"DOCKER_HOST": address, "MOTO_DOCKER_NETWORK_MODE": "host"}


@pytest.mark.parametrize("page", sorted(PAGE.parent.rglob("*.rst")), ids=lambda page: page.name)
def test_pages_are_well_formed(page: Path) -> None:
    """docutils finds nothing wrong with them."""
    core = pytest.importorskip("docutils.core", reason="docutils is not installed")
    overrides = {"halt_level": 2, "report_level": 2, "syntax_highlight": "none"}
    core.publish_string(page.read_text(), writer="null", settings_overrides=overrides)


def test_every_block_is_run() -> None:
    """By a test of this file."""
    assert PAGE.read_text().count(".. code-block::") == len(BLOCKS)
    assert set(BLOCKS) == {"test_function.py", "invoke", "job"}


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
    """The function answers, and the job is registered; the server takes its containers along when it ends."""
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
