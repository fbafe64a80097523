"""Fixtures of the tests of operations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.config import Config
from freezegun import freeze_time
from freezegun.api import FrozenDateTimeFactory
from moto.moto_api import state_manager

from support.constants import ACCOUNT, BEGINNING, REGION
from support.environments import Environment
from support.raw_http import RawClient

_clients: dict[tuple[Any, ...], Any] = {}


class _EnvironmentOfTheSession(Environment):
    """An environment whose boto3 clients are kept: making one is half of a short test's time."""

    def client(
        self,
        service: str = "ecr",
        region: str = REGION,
        account: str = ACCOUNT,
        config: Config | None = None,
    ) -> Any:
        if config is not None:
            return super().client(service, region, account, config)
        key = (self.endpoint_url, service, region, account)
        if key not in _clients:
            _clients[key] = super().client(service, region, account)
        return _clients[key]


@pytest.fixture
def aws(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both environments, one after the other.

    A client tries once: botocore waits and retries after LimitExceededException, and would hide a server that failed.
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
    """The name of an existing, empty repository."""
    ecr.create_repository(repositoryName="team/app")
    return "team/app"


@pytest.fixture
def raw(aws: Environment) -> RawClient:
    """A client that sends what no SDK would send."""
    return RawClient(aws)
