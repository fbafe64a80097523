"""What tests of the operations share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from freezegun import freeze_time
from moto.moto_api import state_manager

from support.constants import ACCOUNT
from support.raw_http import RawClient

if TYPE_CHECKING:
    from support.environments import Environment


_clients: dict[tuple[Any, ...], Any] = {}


@pytest.fixture
def aws(aws: Environment, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """Both environments, one after the other.

    A client is made once, which is half of a short test's time, and tries once: botocore waits and
    tries again where it is told of a LimitExceededException, and would hide a server that failed.
    """
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    make_client = aws.client

    def client(service: str = "ecr", region: str = "us-east-1", account: str = ACCOUNT) -> Any:
        key = (aws.endpoint_url, service, region, account)
        if key not in _clients:
            _clients[key] = make_client(service, region, account)
        return _clients[key]

    aws.client = client  # type: ignore[method-assign]
    return aws


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The clock of everything, which stands still at the module's `BEGINNING`."""
    with freeze_time(request.module.BEGINNING) as frozen:
        yield frozen


@pytest.fixture
def slowly(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Sets how long that takes which the module names by `TRANSITION`, by moto's state manager."""
    model = request.module.TRANSITION
    yield lambda **transition: state_manager.set_transition(model, transition)
    state_manager.unset_transition(model)


@pytest.fixture
def repository(ecr: Any) -> str:
    """The name of a repository that is there and empty."""
    ecr.create_repository(repositoryName="team/app")
    return "team/app"


@pytest.fixture
def raw(aws: Environment) -> RawClient:
    """A client that sends what no SDK would send."""
    return RawClient(aws)
