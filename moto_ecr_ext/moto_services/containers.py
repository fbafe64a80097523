"""moto's settings for the containers that it runs: their network, and the address of moto's server in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto import settings as moto_settings

from moto_ecr_ext import settings


@dataclass(frozen=True)
class ContainerNetwork:
    """The network of containers.

    `options` are arguments of the docker SDK. `host` is this machine's name for a container; `port` is the port of
    moto's server.
    """

    options: dict[str, Any]
    host: str
    port: str

    @property
    def is_host(self) -> bool:
        """True if containers share the network of the machine."""
        return self.options.get("network_mode") == "host"

    @property
    def endpoint(self) -> str:
        """The URL of moto's server for a container."""
        return f"http://{self.host}:{self.port}"


def container_network() -> ContainerNetwork:
    """Return the network of MOTO_DOCKER_NETWORK_NAME or MOTO_DOCKER_NETWORK_MODE, which moto's own Lambda uses too."""
    name, mode = moto_settings.moto_network_name(), moto_settings.moto_network_mode()
    address = settings.server_address()
    port = address.rpartition(":")[2] if address else moto_settings.moto_server_port()
    if mode == "host" and not name:
        return ContainerNetwork({"network_mode": mode}, "127.0.0.1", port)
    # On Linux, containers have this name only if docker is asked for it.
    options: dict[str, Any] = {"extra_hosts": {"host.docker.internal": "host-gateway"}}
    if name:
        options["network"] = name
    elif mode:
        options["network_mode"] = mode
    host = moto_settings.moto_server_host().removeprefix("http://")
    return ContainerNetwork(options, host, port)


def is_proxy() -> bool:
    """Return True if moto is a proxy. Containers then use the names of AWS's endpoints."""
    return moto_settings.is_test_proxy_mode()
