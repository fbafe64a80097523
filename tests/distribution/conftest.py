"""A repository to push to, and sessions that are logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from support.constants import ACCOUNT, REGION
from support.environments import Environment
from support.registry_client import LogIn, RegistrySession, RepositoryClient

_clients: dict[str, Any] = {}


@pytest.fixture
def ecr(aws: Environment) -> Any:
    """A boto3 client of ECR. Making one takes longer than most tests here, so each is made once."""
    if aws.name not in _clients:
        _clients[aws.name] = aws.client()
    return _clients[aws.name]


@pytest.fixture
def log_in(aws: Environment, ecr: Any) -> Iterator[LogIn]:
    """Gives sessions: `log_in(account=, region=)` with the account's own token for the region."""
    with ExitStack() as sessions:

        def log_in(account: str = ACCOUNT, region: str = REGION) -> RegistrySession:
            own = (account, region) == (ACCOUNT, REGION)
            client = ecr if own else aws.client(account=account, region=region)
            token = client.get_authorization_token()["authorizationData"][0]["authorizationToken"]
            session = RegistrySession(aws.registry_url(account, region), token)
            return sessions.enter_context(session)

        yield log_in


@pytest.fixture
def session(log_in: LogIn) -> RegistrySession:
    """A session of the default registry."""
    return log_in()


@pytest.fixture
def repository(ecr: Any, session: RegistrySession) -> RepositoryClient:
    """An empty repository."""
    ecr.create_repository(repositoryName="team/app")
    return RepositoryClient(session, "team/app")
