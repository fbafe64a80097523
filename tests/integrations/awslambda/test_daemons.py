"""Functions in other daemons than docker's, and after processes that were killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from moto_ecr_ext.integrations.docker import daemon
from moto_ecr_ext.testing import OCI, Blob, Image, build_image
from moto_ecr_ext.testing.builder import assemble_image
from support.commands import Command, environment
from support.containers import push_image
from support.environments import Environment
from support.programs import find, need_root
from support.refusals import refused
from support.waiting import wait_until

# A process that invokes a function, and ends as if it were killed.
KILLED = """
import os, sys
from pathlib import Path
import boto3
from moto import mock_aws
import moto_ecr_ext
from support.containers import push_image, runtime_image

with moto_ecr_ext.install(), mock_aws():
    ecr = boto3.client("ecr", region_name="us-east-1")
    uri = push_image(ecr, "app", runtime_image(Path(sys.argv[1])))
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    functions = boto3.client("lambda", region_name="us-east-1")
    functions.create_function(
        FunctionName="app", Role=role["Role"]["Arn"], PackageType="Image", Code={"ImageUri": uri}
    )
    functions.invoke(FunctionName="app")
    os.kill(os.getpid(), 9)
"""


@pytest.fixture
def podman(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerClient]:
    """A client of podman's daemon, which the extension uses too."""
    need_root("podman")
    find("podman")
    store = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run")]
    options = [*store, "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs"]
    path = tmp_path / "podman.sock"
    address = f"unix://{path}"
    monkeypatch.setenv("DOCKER_HOST", address)
    monkeypatch.setenv("MOTO_DOCKER_NETWORK_MODE", "host")
    command = [find("podman"), *options, "system", "service", "--time", "0", address]
    with Command(*command, clock=None):
        wait_until(path.exists)
        client = DockerClient(address)
        yield client
        left = client.api.containers(all=True)
        client.close()
    assert left == []


def test_podman(podman: DockerClient, in_process: Environment, image: Image) -> None:
    """podman's daemon accepts the same archive, and refuses a corrupt one; a function that hangs is killed at once."""
    functions = in_process.client("lambda")
    role = in_process.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    functions.create_function(
        FunctionName="app",
        Role=role["Role"]["Arn"],
        PackageType="Image",
        Code={"ImageUri": push_image(in_process.client(), "team/app", image)},
        Timeout=60,
    )

    def invoke(payload: bytes) -> tuple[bytes, str | None]:
        answer: Any = functions.invoke(FunctionName="app", Payload=payload)
        return answer["Payload"].read(), answer.get("FunctionError")

    assert invoke(b'{"x": 1}') == (b'{"x": 1}', None)
    functions.update_function_configuration(FunctionName="app", Timeout=2)
    payload, error = invoke(b'{"do": "hang"}')
    assert error == "Unhandled"
    assert b"Task timed out after 2.00 seconds" in payload
    assert podman.api.containers(all=True) == []
    functions.update_function_configuration(FunctionName="app", Timeout=60)
    assert invoke(b'{"x": 2}') == (b'{"x": 2}', None)

    layer = Blob(b"no archive", OCI.layer_gzip)
    corrupt = assemble_image(OCI, config=build_image(layers=1).config, layers=[layer])
    uri = push_image(in_process.client(), "team/app", corrupt, tag="2.0")
    functions.update_function_code(FunctionName="app", ImageUri=uri)
    error = refused(invoke, payload=b"{}").response["Error"]
    assert error["Code"] == "CodeArtifactUserFailedException"
    assert error["Message"].startswith("docker cannot load the image: ")
    functions.delete_function(FunctionName="app")


def test_a_process_that_was_killed(
    docker: DockerClient, docker_address: str, runtime_tree: Path
) -> None:
    """The next process that uses the daemon removes its containers."""
    variables = environment(DOCKER_HOST=docker_address, MOTO_DOCKER_NETWORK_MODE="host")
    command = [sys.executable, "-c", KILLED, str(runtime_tree)]
    tests = Path(__file__).parents[2]
    ended = subprocess.run(command, cwd=tests, env=variables, check=False, timeout=300)
    assert ended.returncode == -9
    # It may have ended by itself, without the server that it asks for invocations.
    assert len(docker.api.containers(all=True)) == 1

    daemon.connect().remove_leftovers()

    assert docker.api.containers(all=True) == []
