"""The how-to pages about clients that need few commands; a test runs each block of them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moto_ecr_ext.testing import build_image, write_oci_layout
from support.aws_hosts import REGISTRY, make_certificates
from support.commands import Command, Server, running_server
from support.docker_daemon import running_docker
from support.pages import HowTo, unused_blocks
from support.programs import PATH, Home, find
from support.pushed import RemoteRepository, files_of

HELPER = "docker-credential-ecr-login"
# The page says `python` for that which has moto and the SDK.
VARIABLES = {"PATH": os.pathsep.join([str(Path(sys.executable).parent), PATH])}
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "us-east-1",
}


def test_each_block_is_run() -> None:
    """Each block has a name, by which one of these tests runs it."""
    assert unused_blocks("tests/clients") == []


def test_docker_sdk(registry: Server, tmp_path: Path) -> None:
    """An image is built, pushed and pulled through docker's daemon, with the token of the API."""
    pytest.importorskip("docker", reason="the docker SDK for Python is not installed")
    with running_docker(tmp_path) as address:
        how_to = HowTo(Home(tmp_path / "home", DOCKER_HOST=address, **VARIABLES), registry.address)
        how_to.write("docker_sdk.py")
        context = how_to.home.path / "app"
        context.mkdir()
        (context / "Dockerfile").write_text("FROM scratch\nCOPY data /srv/data\n")
        (context / "data").write_text("by the SDK")

        said = how_to.run("docker-sdk")

    remote = RemoteRepository("sdk/app", f"{registry.address}/sdk/app", registry.client())
    assert said.strip() == f"{remote.uri}@{remote.digest_of('1.0')}"
    assert files_of(remote.image("1.0")) == {"srv/data": b"by the SDK"}


def test_waiters(registry: Server, tmp_path: Path) -> None:
    """Both waiters end, and the preview is complete."""
    how_to = HowTo(Home(tmp_path / "home", **VARIABLES), registry.address)
    how_to.write("waiters.py")

    assert how_to.run("waiters") == "COMPLETE\n"


def test_credential_helper(tmp_path: Path) -> None:
    """The helper prints a password of the server."""
    find(HELPER)
    with running_server("--repository-uri", "aws") as server:
        how_to = HowTo(Home(tmp_path / "home"), server.address)

        given = json.loads(how_to.run("credential-helper"))

        assert given["Username"] == "AWS"
        assert server.registry("GET", "/v2/", given["Secret"]).status_code == 200


@pytest.fixture
def proxy() -> Iterator[str]:
    """The address of a proxy."""
    make_certificates()
    with Command("moto_ecr_proxy", "--port", "0") as command:
        yield command.wait_for(r"Serving HTTP Proxy on (\S+) ")[1]


def test_credential_helper_through_the_proxy(proxy: str, tmp_path: Path) -> None:
    """skopeo is logged in by it, pushes to AWS's host name, and finds the image there."""
    for name in (HELPER, "skopeo", "aws"):
        find(name)
    image = build_image()
    logins = tmp_path / "auth.json"
    logins.write_text(json.dumps({"credHelpers": {REGISTRY: "ecr-login"}}))
    home = Home(tmp_path / "home", REGISTRY_AUTH_FILE=str(logins), **CREDENTIALS, **VARIABLES)
    write_oci_layout(image, home.path / "layout", "1.0")

    said = HowTo(home, proxy=proxy).run("credential-helper-proxy")

    assert said.splitlines()[-1] == image.digest
