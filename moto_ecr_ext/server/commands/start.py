"""The introduction that the commands print: the version, the location of the data, the address, and how to log in."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from moto_ecr_ext import settings
from moto_ecr_ext._version import __version__
from moto_ecr_ext.platforms.sockets import AF_UNIX

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from moto_ecr_ext.models import ECRBackend

# Addresses that clients can connect to, by the address of a server that listens on all. Nothing is bound here
# (bandit).
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104


def address_of(running: BaseWSGIServer) -> str | None:
    """Return the `host:port` at which clients of this machine reach a server; None for a Unix socket."""
    if running.address_family == AF_UNIX:
        return None
    host = _LOOPBACK.get(running.host, running.host)
    return f"[{host}]:{running.port}" if ":" in host else f"{host}:{running.port}"


def introduction(command: str, registry: ECRBackend, url: str) -> str:
    """Return three lines: the version, the location of the data, the URL."""
    return (
        f"{command} {__version__}, moto {version('moto')}\n"
        f"Data: {_places()}\n"
        f"Registry of account {registry.account_id} in {registry.region_name}: {url}\n"
    )


def logins(registry: ECRBackend, address: str, url: str) -> str:
    """Return the lines that log docker in."""
    is_plain = url.startswith("http:")
    others = "\npodman and skopeo do the same with --tls-verify=false.\n" if is_plain else ""
    docker = f"docker login --username AWS --password-stdin {address}"
    return (
        "\nTo log in, for twelve hours, with the AWS CLI:\n\n"
        "  AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test aws ecr get-login-password "
        f"--region {registry.region_name} --endpoint-url {url} | {docker}\n\n"
        "Without it:\n\n"
        f"  echo {registry.password()} | {docker}\n{others}"
    )


def _places() -> str:
    """Return the location of state, without the password of a database."""
    location = settings.store_location()
    if location == settings.StoreLocation() or location.blobs == "memory:":
        return "in memory; lost when the server ends"
    parts = [str(location.data_dir)] if location.data_dir is not None else []
    if location.database is not None:
        # It is imported already, and it knows how to hide the password in a URL.
        from moto_ecr_ext.storage.opening import name_of_database

        parts.append(f"database {name_of_database(location)}")
    if location.blobs is not None:
        parts.append(f"blobs {location.blobs}")
    return ", ".join(parts)
