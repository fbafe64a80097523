"""The pytest plugin: an option that installs the extension for a run, and fixtures for a server and for images.

moto, boto3 and SQLAlchemy are imported only when a run or a test uses one of them.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .testing import Image


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "Give moto a whole ECR (moto_ecr_ext.install()) for this run."
    parser.addini("moto_ecr_ext", text, type="bool", default=False)
    parser.getgroup("moto_ecr_ext").addoption(
        "--moto-ecr-ext", action="store_true", default=False, help=text
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--moto-ecr-ext") or config.getini("moto_ecr_ext"):
        config.add_cleanup(_installed().close)


def _installed() -> ExitStack:
    """Install the extension until this is closed. One that is installed already, by a conftest.py, stays."""
    from .activation.installation import install, is_installed

    installation = ExitStack()
    if not is_installed():
        installation.enter_context(install())
    return installation


@dataclass(frozen=True)
class RunningServer:
    """A server in this test process: its URL, its address (`host:port`), and credentials that it accepts."""

    url: str
    address: str
    access_key_id: str = "test"
    secret_access_key: str = "test"

    def client(self, service: str = "ecr", region: str = "us-east-1") -> Any:
        """Return a boto3 client of the server."""
        import boto3

        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )

    def password(self, region: str = "us-east-1") -> str:
        """Return the password with which the user AWS logs in to the registry of a region."""
        (data,) = self.client(region=region).get_authorization_token()["authorizationData"]
        return base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]


@pytest.fixture
def moto_ecr_server() -> Iterator[RunningServer]:
    """moto's server with a whole ECR, on a free port of 127.0.0.1, for one test.

    It runs in this process and shares its state with `mock_aws`. All services are empty when the
    test begins. `repositoryUri` names the address of the server, as with the command
    `moto_ecr_server`, unless a setting says otherwise.
    """
    from moto.core.base_backend import BackendDict

    from . import settings

    with _installed(), settings.defaults(repository_uri="endpoint"):
        from moto.server import ThreadedMotoServer

        server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        server.start()
        try:
            BackendDict.reset()
            host, port = server.get_host_and_port()
            yield RunningServer(f"http://{host}:{port}", f"{host}:{port}")
        finally:
            server.stop()
            BackendDict.reset()


@pytest.fixture
def moto_ecr_image() -> Callable[..., Image]:
    """The image builder:

    `moto_ecr_image(seed=1, layers=3)`; see `moto_ecr_ext.testing.build_image`.
    """
    from .testing import build_image

    return build_image
