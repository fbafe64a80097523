"""Fixtures of the tests of operations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from moto.moto_api import state_manager

from support.constants import ACCOUNT, BEGINNING, REGION
from support.environments import Environment
from support.raw_http import RawClient

_HERE = Path(__file__).parent
_clients: dict[tuple[Any, ...], Any] = {}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave these tests to the test process where MOTO_ECR_TEST_API is `in_process`: tox.ini says where, and why."""
    if os.environ.get("MOTO_ECR_TEST_API") != "in_process":
        return
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for each in items:
        is_left = _HERE in each.path.parents and "[server" in each.name
        (left if is_left else kept).append(each)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


class _EnvironmentOfTheSession(Environment):
    """An environment whose boto3 clients are kept: making one is half of a short test's time."""

    def client(self, service: str = "ecr", region: str = REGION, account: str = ACCOUNT) -> Any:
        key = (self.endpoint_url, service, region, account)
        if key not in _clients:
            _clients[key] = super().client(service, region, account)
        return _clients[key]


@pytest.fixture
def aws(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both environments, one after the other.

    A client tries once: botocore waits and tries again where it is told of a LimitExceededException, and
    would hide a server that failed.
    """
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    return _EnvironmentOfTheSession(aws.name, aws.endpoint_url)


@pytest.fixture
def clock() -> Iterator[FrozenDateTimeFactory]:
    """The clock of everything, which stands still at `BEGINNING`."""
    with freeze_time(BEGINNING) as frozen:
        assert isinstance(frozen, FrozenDateTimeFactory)
        yield frozen


@pytest.fixture
def slowly() -> Iterator[Callable[..., None]]:
    """Set how long something takes, by moto's state manager: `slowly("ecr::image_scan", progression=...)`."""
    slowed: set[str] = set()

    def slowly(model: str, **transition: Any) -> None:
        slowed.add(model)
        state_manager.set_transition(model, transition)

    yield slowly
    for model in slowed:
        state_manager.unset_transition(model)


@pytest.fixture
def repository_name(ecr: Any) -> str:
    """The name of a repository that is there and empty."""
    ecr.create_repository(repositoryName="team/app")
    return "team/app"


@pytest.fixture
def raw(aws: Environment) -> RawClient:
    """A client that sends what no SDK would send."""
    return RawClient(aws)
