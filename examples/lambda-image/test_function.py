"""The image of the function, built, pushed and invoked."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from moto_ecr_ext.testing import push_docker_archive

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image, as `docker save` writes it."""
    path = tmp_path_factory.mktemp("image") / "image.tar"
    base = ["--build-arg", f"BASE={os.environ['BASE']}"] if "BASE" in os.environ else []
    subprocess.run(["docker", "build", *base, "--tag", "greeter:test", HERE], check=True)
    subprocess.run(["docker", "save", "--output", path, "greeter:test"], check=True)
    return path


@pytest.fixture
def functions(archive: Path) -> Iterator[Any]:
    """A client of Lambda, which has the function `greeter`."""
    with mock_aws():
        ecr = boto3.client("ecr", region_name="us-east-1")
        repository = ecr.create_repository(repositoryName="greeter")["repository"]
        push_docker_archive(ecr, "greeter", archive, tag="1.0")
        role = boto3.client("iam").create_role(RoleName="greeter", AssumeRolePolicyDocument="{}")
        functions = boto3.client("lambda", region_name="us-east-1")
        functions.create_function(
            FunctionName="greeter",
            PackageType="Image",
            Code={"ImageUri": f"{repository['repositoryUri']}:1.0"},
            Role=role["Role"]["Arn"],
            Timeout=30,
        )
        yield functions


def test_it_greets(functions: Any) -> None:
    answer = functions.invoke(FunctionName="greeter", Payload=json.dumps({"name": "moto"}))

    assert json.loads(answer["Payload"].read()) == {"greeting": "Hello, moto!"}


def test_an_event_without_a_name_is_an_error(functions: Any) -> None:
    answer = functions.invoke(FunctionName="greeter", Payload=b"{}")

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"] == "KeyError"
