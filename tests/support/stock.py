"""moto as it is without the extension, for the tests of what the extension changes in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

import moto_ecr_ext


@pytest.fixture
def stock_moto() -> Iterator[None]:
    """moto as it is without the extension."""
    moto_ecr_ext.uninstall()
    yield
    moto_ecr_ext.uninstall()


@pytest.fixture
def stock_server(stock_moto: None) -> Iterator[str]:
    """The `host:port` of a server of moto's, started while the extension is not installed."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()
