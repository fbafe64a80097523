"""The docker daemon: a client, the store's images in the daemon, and the containers of this process.

podman's daemon has the same API. The client is the docker SDK for Python, from the extra `docker`.
"""

from __future__ import annotations

import os
import re
import socket
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import urllib3.exceptions

from moto_ecr_ext.moto_services.containers import ContainerNetwork
from moto_ecr_ext.oci.configuration import ImageConfig
from moto_ecr_ext.platforms.sockets import check_unix_socket

from .archive import archive
from .errors import DaemonUnavailable, ImageUnusable
from .image_names import ImageName
from .images import RegistryImage, architecture_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from docker import DockerClient
    from docker.models.containers import Container

# Seconds to wait for the next byte from the daemon, which is silent while it unpacks an image.
_PATIENCE = 600

# The label of each container of this package. Its value is the container's purpose.
LABEL = "moto-ecr-ext"
# The label with the process that created a container: host, process id, and a random name of the process.
_PROCESS_LABEL = "moto-ecr-ext.process"
_PROCESS_NAME = uuid.uuid4().hex

# The grammar is https://pkg.go.dev/github.com/distribution/reference. ECR's tags may be longer, and begin with any of
# their characters.
_TAG_OF_DOCKER = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}")

# The value in the daemon's information that means docker with containerd's image store.
_CONTAINERD = ["driver-type", "io.containerd.snapshotter.v1"]

_NO_GATEWAY = re.compile("host-gateway|host containers internal IP")

# The greatest number of the daemon's images whose layers are examined.
_MOST_IMAGES = 200


class Daemon:
    """A connected daemon. Its methods raise DaemonUnavailable if it no longer responds."""

    def __init__(self, client: DockerClient):
        self.client = client
        information = client.info()
        self.architecture = architecture_of(str(information.get("Architecture", "")))
        # docker's older image store knows layers by their unpacked content. Other stores need each blob once.
        is_podman = _is_podman(client)
        self._shares_layers = not (
            is_podman or _CONTAINERD in (information.get("DriverStatus") or [])
        )
        # podman takes a tenth of a second to report that it does not know.
        self._knows_memory = not is_podman
        self._loading = threading.Lock()

    def load(self, image: RegistryImage, config: ImageConfig, name: ImageName) -> str:
        """Return the id of an image in the daemon, and give it a name. It is loaded unless the daemon has it.

        Raises ImageUnusable if the daemon refuses it, and ImageGone.
        """
        tag = _tag_for(image, name)
        with self._loading, answering():
            found = self._find(image)
            if found is None:
                self._load(image, config, f"{name.without_reference}:{tag}")
                found = self._find(image) or self.client.api.inspect_image(
                    f"{name.without_reference}:{tag}"
                )
            elif f"{name.without_reference}:{tag}" not in (found.get("RepoTags") or ()):
                self.client.api.tag(found["Id"], name.without_reference, tag)
            return str(found["Id"])

    def _find(self, image: RegistryImage) -> dict[str, Any] | None:
        """Return the daemon's description of an image that it has, or None."""
        import docker.errors

        # The id of an image is one of these digests, depending on the daemon's store. Both are computed from the
        # content.
        for digest in (image.digest, image.config_digest):
            with suppress(docker.errors.NotFound):
                found: dict[str, Any] = self.client.api.inspect_image(digest)
                return found
        return None

    def _load(self, image: RegistryImage, config: ImageConfig, name: str) -> None:
        left_out = self._held_layers(image, config)
        try:
            self._send(archive(image, name, left_out))
        except ImageUnusable:
            if not left_out:
                raise
            self._send(archive(image, name))

    def _send(self, pieces: Iterator[bytes]) -> None:
        """Load an archive. Raises ImageUnusable with the daemon's message if it refuses the archive."""
        import docker.errors

        try:
            for line in self.client.api.load_image(pieces, quiet=True):
                # A response with status 500 is one such line, with a message.
                said = line.get("error") or line.get("message")
                if said:
                    raise ImageUnusable(f"docker cannot load the image: {said}")
                # Newer daemons accept an image that they cannot unpack.
                if str(line.get("stream", "")).startswith("Error unpacking image"):
                    raise ImageUnusable(f"docker cannot load the image: {line['stream'].strip()}")
        except docker.errors.APIError as error:
            raise ImageUnusable(f"docker cannot load the image: {error.explanation}") from error

    def _held_layers(self, image: RegistryImage, config: ImageConfig) -> Collection[str]:
        """Return the layers whose bytes the daemon does not need: the lowest ones that another image shares."""
        if not self._shares_layers:
            return frozenset()
        shared = 0
        for each in self.client.api.images(all=True)[:_MOST_IMAGES]:
            there = self.client.api.inspect_image(each["Id"])["RootFS"].get("Layers") or []
            count = 0
            for wanted, layer in zip(config.diff_ids, there, strict=False):
                if wanted != layer:
                    break
                count += 1
            shared = max(shared, count)
        return frozenset(image.layers[:shared]) - frozenset(image.layers[shared:])

    def create(
        self,
        image_id: str,
        purpose: str,
        *,
        entry_point: list[str],
        command: list[str],
        working_directory: str,
        environment: Mapping[str, str],
        memory: int,
        network: Mapping[str, Any],
    ) -> Container:
        """Create a container of an image in the daemon, without starting it. `memory` is in MiB.

        Raises ImageUnusable if the daemon refuses it.
        """
        import docker.errors

        with answering():
            make = partial(
                self.client.containers.create,
                image_id,
                command,
                entrypoint=entry_point or None,
                working_dir=working_directory,
                environment=dict(environment),
                mem_limit=f"{memory}m",
                # This allows no additional swap.
                memswap_limit=f"{memory}m",
                labels=labels(purpose),
            )
            try:
                try:
                    return make(**network)
                except docker.errors.APIError as error:
                    # Some versions of podman do not know `host-gateway`, and define the host name by themselves
                    # (https://github.com/containers/podman/issues/22186).
                    if "extra_hosts" not in network or not _NO_GATEWAY.search(str(error)):
                        raise
                    return make(**{**network, "extra_hosts": None})
            except docker.errors.APIError as error:
                raise ImageUnusable(
                    f"docker cannot create a container: {error.explanation}"
                ) from error

    def memory_of(self, container: Container) -> int:
        """Return the memory that a container uses, in MiB; 0 if the daemon does not know it."""
        if not self._knows_memory:
            return 0
        with suppress(Exception):
            stats = self.client.api.stats(container.id, stream=False, one_shot=True)["memory_stats"]
            return int(stats.get("max_usage") or stats["usage"]) // (1024 * 1024)
        return 0

    def listening_host(self, network: ContainerNetwork) -> str:
        """Return the address to listen on for connections from containers. It exposes as few networks as possible."""
        if network.is_host:
            return "127.0.0.1"
        # docker on Linux maps this name in containers to the gateway of its bridge. Other platforms have other ways.
        if network.host == "host.docker.internal":
            with suppress(Exception):
                bridge = self.client.api.inspect_network("bridge")
                gateway: str = bridge["IPAM"]["Config"][0]["Gateway"]
                with socket.create_server((gateway, 0)):
                    return gateway
        return "0.0.0.0"  # nosec B104

    def remove_leftovers(self) -> None:
        """Remove containers of earlier processes of this machine that were killed."""
        with answering():
            for container in self.client.api.containers(all=True, filters={"label": LABEL}):
                if _is_left_over(container["Labels"].get(_PROCESS_LABEL, "")):
                    remove(self.client, container["Id"])


def labels(purpose: str) -> dict[str, str]:
    """Return the labels of a container of this process."""
    return {LABEL: purpose, _PROCESS_LABEL: _own_process()}


def remove(client: DockerClient, container_id: str) -> None:
    """Kill and remove a container with its volumes. A container that does not exist is no error."""
    import docker.errors

    # 404: it does not exist. 409: it does not run, or its removal is in progress.
    with suppress(docker.errors.APIError):
        # Otherwise, podman would ask the container to stop, and wait for ten seconds.
        client.api.kill(container_id)
    with suppress(docker.errors.APIError):
        client.api.remove_container(container_id, v=True, force=True)


def _tag_for(image: RegistryImage, name: ImageName) -> str:
    """Return the tag of an image in the daemon: the user's, or one of this package."""
    if name.tag and _TAG_OF_DOCKER.fullmatch(name.tag):
        return name.tag
    # A daemon cannot load an image with a digest for a tag.
    return f"moto-{image.digest.partition(':')[2][:12]}"


def _is_podman(client: DockerClient) -> bool:
    components = client.version().get("Components") or []
    return any("podman" in str(each.get("Name", "")).lower() for each in components)


def _own_process() -> str:
    return f"{socket.gethostname()}/{os.getpid()}/{_PROCESS_NAME}"


def _is_left_over(process: str) -> bool:
    """Return True if a process, named by `_own_process`, ran on this machine and has ended."""
    host, _, rest = process.partition("/")
    pid, _, name = rest.partition("/")
    if host != socket.gethostname() or not pid.isdigit() or name == _PROCESS_NAME:
        return False
    if int(pid) == os.getpid():
        # This process has its number now.
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        # It runs as another user.
        return False
    return False


@contextmanager
def answering() -> Iterator[None]:
    """Raise DaemonUnavailable if the daemon does not respond in this block."""
    import docker.errors
    import requests.exceptions

    try:
        yield
    except docker.errors.APIError as error:
        raise DaemonUnavailable(f"The docker daemon fails: {error.explanation}") from error
    except (
        docker.errors.DockerException,
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
    ) as error:
        _forget()
        raise DaemonUnavailable(f"The docker daemon does not respond: {error}") from error


_lock = threading.Lock()
_daemon: Daemon | None = None
_address: tuple[str | None, ...] | None = None


def connect() -> Daemon:
    """Return the daemon of DOCKER_HOST, or of this machine.

    The first call removes containers that earlier processes left. Raises DaemonUnavailable, with a sentence that names
    the missing part.
    """
    global _daemon, _address
    variables = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH")
    address = tuple(map(os.environ.get, variables))
    with _lock:
        if _daemon is None or _address != address:
            daemon = Daemon(_client())
            daemon.remove_leftovers()
            _daemon, _address = daemon, address
        return _daemon


def _forget() -> None:
    """Forget the connection. The next call connects again."""
    global _daemon
    _daemon = None


def _client() -> DockerClient:
    try:
        import docker
        import docker.errors
    except ImportError:
        raise DaemonUnavailable(
            "Running an image needs the docker SDK for Python. Install moto_ecr_ext with its extra 'docker'."
        ) from None
    try:
        address = docker.utils.parse_host(
            os.environ.get("DOCKER_HOST"), docker.constants.IS_WINDOWS_PLATFORM
        )
    except docker.errors.DockerException as error:
        raise DaemonUnavailable(
            f"Running an image needs a docker daemon. DOCKER_HOST is malformed: {error}"
        ) from None
    try:
        _check_socket(address)
        # This requests the daemon's version.
        client = docker.from_env(timeout=_PATIENCE)
    except (OSError, docker.errors.DockerException) as error:
        raise DaemonUnavailable(
            f"Running an image needs a docker daemon. None responds at {address.removeprefix('http+')}: {error}"
        ) from None
    _prepare(client, address)
    return client


def _check_socket(address: str) -> None:
    """Raise OSError if nothing listens at a local socket. The docker SDK would leave its own socket open."""
    path = address.removeprefix("http+unix://")
    if path != address:
        check_unix_socket(path)


def _prepare(client: DockerClient, address: str) -> None:
    """Let the requests of a client reach the daemon.

    The library `responses`, which moto uses, replaces HTTPAdapter.send for all clients.
    """
    import requests.exceptions
    from responses import _real_send

    def send(adapter: Any, request: Any, **options: Any) -> Any:
        try:
            _check_socket(address)
        except OSError as error:
            raise requests.exceptions.ConnectionError(error, request=request) from None
        return _real_send(adapter, request, **options)

    for adapter in {*client.api.adapters.values(), client.api._custom_adapter} - {None}:
        adapter.send = partial(send, adapter)
