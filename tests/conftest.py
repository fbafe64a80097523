"""The environments that the tests run in: the test process under `mock_aws`, and a server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import hypothesis
import pytest
import requests
from botocore.loaders import create_loader
from botocore.session import Session
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.server import ThreadedMotoServer

import moto_ecr_ext

ACCOUNT = "123456789012"
REGION = "us-east-1"

# Tests of other folders import it before the conftest.py of its own is read.
pytest.register_assert_rewrite("distribution.client")

# For tox's environments that have fewer examples.
hypothesis.settings.register_profile("brief", max_examples=10, deadline=None)

# Service models and endpoints, read once: `mock_aws` makes boto3 forget them with every test.
_MODELS = create_loader()


class Environment:
    """An empty ECR, and how to reach it."""

    name: str
    endpoint_url: str | None = None

    def client(self, service: str = "ecr", region: str = REGION, account: str = ACCOUNT) -> Any:
        """A boto3 client of an account."""
        session = Session()
        session.register_component("data_loader", _MODELS)
        client = boto3.Session(botocore_session=session).client(
            service,
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        if account != ACCOUNT:

            def name_account(request: Any, **kwargs: Any) -> None:
                request.headers["x-moto-account-id"] = account

            client.meta.events.register("request-created", name_account)
        return client

    def registry_url(self, account: str = ACCOUNT, region: str = REGION) -> str:
        """The URL above `/v2/` of a registry."""
        if self.endpoint_url:
            return self.endpoint_url
        return f"https://{account}.dkr.ecr.{region}.amazonaws.com"

    def registry(self, account: str = ACCOUNT, region: str = REGION) -> RegistryClient:
        """A plain HTTP client that is logged in to a registry."""
        token = self.client(region=region, account=account).get_authorization_token()
        return RegistryClient(
            self.registry_url(account, region),
            token["authorizationData"][0]["authorizationToken"],
        )

    def configure(self, **behaviour: object) -> None:
        """Change settings for the rest of the test, keeping what is stored."""
        moto_ecr_ext.settings.install(moto_ecr_ext.settings.store_location(), None, behaviour)


class RegistryClient(requests.Session):
    """`requests` with the base URL and the credentials of a registry."""

    def __init__(self, base_url: str, token: str | None):
        super().__init__()
        self.base_url = base_url
        if token:
            self.headers["Authorization"] = f"Basic {token}"

    def request(self, method: Any, url: Any, *args: Any, **kwargs: Any) -> requests.Response:
        if url.startswith("/"):
            url = self.base_url + url
        kwargs.setdefault("timeout", 60)
        return super().request(method, url, *args, **kwargs)


@pytest.fixture(scope="session")
def _server_url() -> Iterator[str]:
    moto_ecr_ext.install()
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def in_process() -> Iterator[Environment]:
    """The test process itself, under `mock_aws`."""
    moto_ecr_ext.install()
    environment = Environment()
    environment.name = "in_process"
    with mock_aws():
        yield environment
    moto_ecr_ext.install()


@pytest.fixture
def server(_server_url: str) -> Iterator[Environment]:
    """A server on loopback."""
    moto_ecr_ext.install()
    BackendDict.reset()
    environment = Environment()
    environment.name = "server"
    environment.endpoint_url = _server_url
    yield environment
    BackendDict.reset()
    moto_ecr_ext.install()


@pytest.fixture(params=["in_process", "server"])
def aws(request: pytest.FixtureRequest) -> Environment:
    """Both environments, one after the other."""
    environment: Environment = request.getfixturevalue(request.param)
    return environment


@pytest.fixture
def ecr(aws: Environment) -> Any:
    """A boto3 client of ECR, in both environments."""
    return aws.client()
