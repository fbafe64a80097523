"""SAM's command line: an image function that is built, deployed, invoked, packaged, changed and deleted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Server, running_server
from support.containers import compiled_runtime
from support.docker_daemon import running_docker
from support.pages import HowTo
from support.programs import Home, find
from support.pushed import RemoteRepository, files_of

pytest.importorskip("samtranslator", reason="aws-sam-translator is not installed")


@pytest.fixture
def docker_address(tmp_path: Path) -> Iterator[str]:
    """The address of a docker daemon."""
    find("sam")
    find("aws")
    with running_docker(tmp_path) as address:
        yield address


@pytest.fixture
def server(docker_address: str) -> Iterator[Server]:
    """A server for these stacks alone, which runs functions in that daemon. It has no networks."""
    settings = {"DOCKER_HOST": docker_address, "MOTO_DOCKER_NETWORK_MODE": "host"}
    with running_server(**settings) as server:
        yield server


@pytest.fixture
def how_to(server: Server, docker_address: str, tmp_path: Path) -> HowTo:
    """The section of SAM."""
    home = Home(tmp_path / "home", DOCKER_HOST=docker_address, SAM_CLI_TELEMETRY="0")
    return HowTo(home, server.address)


def test_from_build_to_delete(how_to: HowTo, server: Server) -> None:
    """The function has the image that docker built and pushed, and the stack has its outputs.

    SAM fails if the stack of its bucket has none: https://github.com/aws/aws-sam-cli,
    samcli/lib/utils/managed_cloudformation_stack.py
    """
    how_to.write("sam-template", "template.yaml")
    context = how_to.home.path / "app"
    context.mkdir()
    compiled_runtime(context)
    (context / "Dockerfile").write_text(
        'FROM scratch\nCOPY runtime /runtime\nENTRYPOINT ["/runtime"]\n'
    )
    ecr, stacks = server.client(), server.client("cloudformation")

    how_to.run("sam-deploy")

    [stack] = stacks.describe_stacks(StackName="app")["Stacks"]
    function = server.client("lambda").get_function(FunctionName="app")
    arn = function["Configuration"]["FunctionArn"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Outputs"] == [{"OutputKey": "Function", "OutputValue": arn}]
    uri = function["Code"]["ImageUri"]
    repository, _, tag = uri.rpartition(":")
    assert repository == f"{server.address}/app"
    remote = RemoteRepository("app", repository, ecr)
    assert files_of(remote.image(tag)) == {"runtime": (context / "runtime").read_bytes()}
    configuration = function["Configuration"]
    assert configuration["PackageType"] == "Image"
    assert configuration["ImageConfigResponse"] == {"ImageConfig": {"Command": ["app"]}}
    assert function["Code"]["ResolvedImageUri"].endswith(remote.digest_of(tag))

    assert '{"name": "moto"}' in how_to.run("sam-invoke")

    how_to.run("sam-package")
    assert f"ImageUri: {uri}\n" in (how_to.home.path / "packaged.yaml").read_text()

    first = remote.digest_of(tag)
    with (context / "Dockerfile").open("a") as file:
        file.write("ENV changed=yes\n")
    how_to.run("sam-sync")
    [changed] = set(remote.details()) - {first}
    function = server.client("lambda").get_function(FunctionName="app")
    assert function["Code"]["ResolvedImageUri"].endswith(changed)
    assert '{"name": "moto"}' in how_to.run("sam-invoke")

    # SAM deletes the image of the stack's template, which a sync of code does not change.
    assert "Deleting ECR image" in how_to.run("sam-delete")
    left = [each["StackName"] for each in stacks.describe_stacks()["Stacks"]]
    assert left == ["aws-sam-cli-managed-default"]
    assert server.client("lambda").list_functions()["Functions"] == []
    assert set(remote.details()) == {changed}
