"""The pytest plugin: installs the extension for a test run, and offers a server and images.

Nothing of moto is imported until a run or a test asks for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        from . import install, uninstall

        install()
        config.add_cleanup(uninstall)


@dataclass(frozen=True)
class RunningServer:
    """A server of this test process: its URL, its `host:port`, and credentials that it takes."""

    url: str
    address: str
    access_key_id: str = "test"
    secret_access_key: str = "test"

    def client(self, service: str = "ecr", region: str = "us-east-1") -> Any:
        """A boto3 client of the server."""
        import boto3

        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
        )


@pytest.fixture
def moto_ecr_server() -> Iterator[RunningServer]:
    """moto's server with a whole ECR on a free port of 127.0.0.1, empty, for one test."""
    from moto.core.base_backend import BackendDict

    from . import activation

    was_installed = activation.is_installed()
    activation.install()
    try:
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
    finally:
        if not was_installed:
            activation.uninstall()


@pytest.fixture
def moto_ecr_image() -> Callable[..., Image]:
    """The image builder: `moto_ecr_image(seed=1, layers=3)`; see `moto_ecr_ext.testing.build_image`."""
    from .testing import build_image

    return build_image
