"""The way from an empty server to a pulled image, typed into a shell line by line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import script
from support.docker_daemon import running_docker
from support.programs import PATH, Home, find

DATA = bytes(range(256)) * 20_000


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a docker daemon."""
    with running_docker(tmp_path_factory.mktemp("docker")) as address:
        yield address


def test_as_a_user_types_it(daemon: str, tmp_path: Path) -> None:
    """The image that is pulled by the digest that the API lists is the one that was built."""
    find("aws")
    home = Home(
        tmp_path / "home",
        PATH=os.pathsep.join([os.path.dirname(script("moto_ecr_server")), PATH]),
        DOCKER_HOST=daemon,
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
    )
    context = home.path / "context"
    context.mkdir()
    (context / "data").write_bytes(DATA)
    (context / "Dockerfile").write_text("FROM scratch\nCOPY data /srv/data\n")
    docker, bash = home.program("docker"), home.program("bash")

    uri, digest = bash(Path(__file__).with_name("as_a_user_types_it.sh")).split()

    assert uri.endswith("/team/app")
    (pulled,) = json.loads(docker("inspect", f"{uri}@{digest}"))
    assert pulled["RepoDigests"] == [f"{uri}@{digest}"]
    assert pulled["RepoTags"] == []
    container = docker("create", f"{uri}@{digest}", "nothing").strip()
    docker("cp", f"{container}:/srv/data", home.path / "pulled")
    assert (home.path / "pulled").read_bytes() == DATA
