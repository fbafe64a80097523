"""The network of containers, as moto's settings say, and what differs between daemons."""

from __future__ import annotations

import socket
from typing import Any

import docker.errors
import pytest
from moto import settings as moto_settings

from moto_ecr_ext import settings
from moto_ecr_ext.integrations.docker.daemon import Daemon
from moto_ecr_ext.integrations.docker.errors import ImageUnusable
from moto_ecr_ext.moto_services.containers import ContainerNetwork, container_network

GATEWAY = {"host.docker.internal": "host-gateway"}
BRIDGE = ContainerNetwork({"extra_hosts": GATEWAY}, "host.docker.internal", "5000")


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of moto's variables is set, and moto is in no container."""
    for name in ("MOTO_DOCKER_NETWORK_NAME", "MOTO_DOCKER_NETWORK_MODE", "MOTO_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(moto_settings, "moto_server_host", lambda: "http://host.docker.internal")


NETWORKS = [
    ({}, BRIDGE),
    ({"MODE": "host"}, ContainerNetwork({"network_mode": "host"}, "127.0.0.1", "5000")),
    (
        {"MODE": "container:x"},
        ContainerNetwork(
            {"extra_hosts": GATEWAY, "network_mode": "container:x"}, BRIDGE.host, "5000"
        ),
    ),
    (
        {"NAME": "mine", "MODE": "host"},
        ContainerNetwork({"extra_hosts": GATEWAY, "network": "mine"}, BRIDGE.host, "5000"),
    ),
]


@pytest.mark.parametrize(("variables", "expected"), NETWORKS)
def test_the_network_is_that_of_moto_s_settings(
    variables: dict[str, str], expected: ContainerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name takes precedence over a mode:
    https://docs.getmoto.org/en/latest/docs/configuration/environment_variables.html
    """
    for name, value in variables.items():
        monkeypatch.setenv(f"MOTO_DOCKER_NETWORK_{name}", value)
    assert container_network() == expected


def test_the_port_is_that_of_the_server(stock_moto: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The port is that of this process's server, or else moto's MOTO_PORT."""
    monkeypatch.setenv("MOTO_PORT", "4566")
    assert container_network().endpoint == "http://host.docker.internal:4566"
    settings.listen_at("127.0.0.1:5001")
    try:
        assert container_network().endpoint == "http://host.docker.internal:5001"
    finally:
        settings.listen_at(None)


class Client:
    """A client of a daemon that does not exist."""

    def __init__(self, gateway: str = "", refuses: str = ""):
        self.api = self.containers = self
        self._gateway = gateway
        self._refuses = refuses
        self.created: list[dict[str, Any]] = []

    def info(self) -> dict[str, Any]:
        return {"Architecture": "x86_64"}

    def version(self) -> dict[str, Any]:
        return {"Components": [{"Name": "Engine"}]}

    def inspect_network(self, name: str) -> dict[str, Any]:
        return {"IPAM": {"Config": [{"Gateway": self._gateway}]}}

    def create(self, image: str, command: list[str], **options: Any) -> str:
        self.created.append(options)
        if options["extra_hosts"] and self._refuses:
            raise docker.errors.APIError(self._refuses)
        return "a container"


def daemon(**options: str) -> tuple[Daemon, Client]:
    client: Any = Client(**options)
    return Daemon(client), client


def test_the_address_to_listen_on() -> None:
    """The address is loopback for containers of the machine's network, the gateway of the bridge if this machine has
    it, else all.
    """
    here, _ = daemon(gateway="127.0.0.1")
    assert here.listening_host(container_network()) == "127.0.0.1"
    # https://www.rfc-editor.org/rfc/rfc5737: no machine has it.
    elsewhere, _ = daemon(gateway="192.0.2.1")
    assert elsewhere.listening_host(BRIDGE) == "0.0.0.0"
    host = ContainerNetwork({"network_mode": "host"}, "127.0.0.1", "5000")
    assert elsewhere.listening_host(host) == "127.0.0.1"
    own = ContainerNetwork({"network": "mine"}, socket.gethostname(), "5000")
    assert here.listening_host(own) == "0.0.0.0"


def create(here: Daemon) -> Any:
    return here.create(
        "image",
        "test",
        entry_point=["/a"],
        command=["b"],
        working_directory="",
        environment={},
        memory=128,
        network=BRIDGE.options,
    )


def test_a_daemon_that_does_not_know_the_gateway() -> None:
    """A daemon that does not know the gateway is asked again without it:
    https://github.com/containers/podman/issues/22186.
    """
    here, client = daemon(refuses='invalid IP address in add-host: "host-gateway"')
    assert create(here) == "a container"
    assert [each["extra_hosts"] for each in client.created] == [GATEWAY, None]


def test_a_daemon_that_refuses_a_container() -> None:
    """The error has the daemon's message."""
    here, client = daemon(refuses="no space left")
    with pytest.raises(ImageUnusable, match="docker cannot create a container"):
        create(here)
    assert len(client.created) == 1
