"""The registries in the comparison, each started fresh on an empty directory."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from common import ServerProcess, ecr_client, free_port, moto_ecr_server_command, serving
from registry_client import Address

GO = "docker-registry"
OURS = "moto_ecr_server"

REPOSITORY = "benchmark"


@dataclass(frozen=True)
class Registry:
    """A running registry, and its address for clients."""

    name: str
    process: ServerProcess
    address: Address
    credentials: str | None = None

    def image(self, tag: str) -> str:
        """Return skopeo's name of an image of this registry."""
        return f"docker://{self.process.address}/{REPOSITORY}:{tag}"

    def skopeo_flags(self, side: Literal["src", "dest"]) -> list[str]:
        """Return skopeo's flags for this registry as the source or destination of a copy."""
        flags = [f"--{side}-tls-verify=false"]
        return [*flags, f"--{side}-creds={self.credentials}"] if self.credentials else flags


@contextmanager
def _docker_registry(directory: Path) -> Iterator[Registry]:
    """Run Debian's docker-registry, configured as in its package but without passwords and logs."""
    port = free_port()
    data = directory / "data"
    data.mkdir()
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "cache": {"blobdescriptor": "inmemory"},
            "filesystem": {"rootdirectory": str(data)},
            "delete": {"enabled": True},
        },
        "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark"},
    }
    path = directory / "config.yml"
    path.write_text(json.dumps(config))  # JSON is YAML.
    with serving([GO, "serve", str(path)], port, directory / "log") as process:
        yield Registry(GO, process, Address(port, {}, REPOSITORY))


@contextmanager
def moto_ecr_server(
    directory: Path, flags: Sequence[str] = (), program: str | None = None
) -> Iterator[Registry]:
    """Run moto_ecr_server with a data directory. Its clients log in; those of the other registry do not.

    `program` is the path of another installation's moto_ecr_server.
    """
    port = free_port()
    command = [*moto_ecr_server_command(port, directory / "data"), *flags]
    if program is not None:
        command[0] = program
    with serving(command, port, directory / "log") as process:
        ecr = ecr_client(process.url)
        ecr.create_repository(repositoryName=REPOSITORY)
        token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        ecr.close()
        headers = {"Authorization": f"Basic {token}"}
        credentials = base64.b64decode(token).decode()
        yield Registry(OURS, process, Address(port, headers, REPOSITORY), credentials)


_STARTS: dict[str, Callable[[Path], AbstractContextManager[Registry]]] = {
    GO: _docker_registry,
    OURS: moto_ecr_server,
}


def installed_registries() -> list[str]:
    """Return the names of the registries that can be started here, in the order of their turns."""
    return [name for name in _STARTS if name == OURS or shutil.which(name)]


def running(name: str, directory: Path) -> AbstractContextManager[Registry]:
    """Run a registry until the end of the block, with all its files in `directory`."""
    return _STARTS[name](directory)
