"""A server as a user starts it, repositories in it, and homes from which clients talk to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.commands import Server, running_server
from support.fault_rules import FaultRules
from support.programs import Home
from support.pushed import RemoteRepository


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`moto_ecr_server` with a data directory."""
    with running_server("--data-dir", str(tmp_path_factory.mktemp("registry"))) as server:
        yield server


@pytest.fixture
def remote(registry: Server, request: pytest.FixtureRequest) -> Iterator[RemoteRepository]:
    """An empty repository, named after the test."""
    yield from _remote(registry, request, "")


@pytest.fixture
def other_remote(registry: Server, request: pytest.FixtureRequest) -> Iterator[RemoteRepository]:
    """A second empty repository."""
    yield from _remote(registry, request, "/other")


def _remote(
    registry: Server, request: pytest.FixtureRequest, suffix: str
) -> Iterator[RemoteRepository]:
    ecr = registry.client()
    parts = [each.removeprefix("test_") for each in (request.node.path.stem, request.node.name)]
    name = "/".join("-".join(re.findall("[a-z0-9]+", part.lower())) for part in parts) + suffix
    uri = ecr.create_repository(repositoryName=name)["repository"]["repositoryUri"]
    yield RemoteRepository(name, uri, ecr)
    ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture
def home(registry: Server, tmp_path: Path) -> Home:
    """A home in which AWS's tools know the server, and nobody is logged in."""
    return Home(
        tmp_path / "home",
        AWS_ACCESS_KEY_ID="test",
        AWS_SECRET_ACCESS_KEY="test",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_ENDPOINT_URL=registry.url,
    )


@pytest.fixture
def rules(registry: Server) -> Iterator[FaultRules]:
    """The faults of the server, for one test."""
    rules = FaultRules(registry)
    yield rules
    rules.clear()
