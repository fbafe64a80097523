"""`moto_ecr_server`: moto's own server with a whole ECR in it."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moto_ecr_ext import settings
from moto_ecr_ext.activation.installation import uninstall
from moto_ecr_ext.activation.server import when_listening

from . import check
from .flags import Command

if TYPE_CHECKING:
    from werkzeug.serving import BaseWSGIServer

    from moto_ecr_ext.models import ECRBackend

_DESCRIPTION = """\
A local Amazon ECR: moto's server, whose ECR keeps real images and serves the registry that docker
pushes to. Takes all flags of moto_server, which are listed below, and these:"""

# Settings that are others here than in a test process, so that what a call answers can be pushed to.
DEFAULTS = {"repository_uri": "endpoint"}

# The addresses at which clients reach a server that listens on all; nothing is bound here, for bandit.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # nosec B104


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is stopped."""
    command = Command("moto_ecr_server", _DESCRIPTION, DEFAULTS)
    check.add_flags(command)
    flags, flags_of_moto = command.parse(sys.argv[1:] if argv is None else argv)
    try:
        from moto import server
    except ImportError as error:
        command.fail(f"{error}. To install what it takes: pip install 'moto-ecr-ext[server]'")
    if {"-h", "--help"} & set(flags_of_moto):
        command.parser.print_help()
        print("\nFlags of moto_server:\n")
        server.main(["--help"])
    if flags.check or flags.repair:
        sys.exit(check.run(command, flags))
    try:
        registry = command.open_registry(flags)
        with when_listening(lambda running: _announce(running, registry)):
            # moto reads the process's own arguments when it gets none.
            server.main([*flags_of_moto] or ["--host", "127.0.0.1"])
    finally:
        uninstall()


def _announce(running: BaseWSGIServer, registry: ECRBackend) -> None:
    """Say how to log in."""
    if running.address_family == socket.AF_UNIX:
        return  # Clients of registries cannot connect to a path.
    host = _LOOPBACK.get(running.host, running.host)
    address = f"[{host}]:{running.port}" if ":" in host else f"{host}:{running.port}"
    settings.listen_at(address)
    print(
        f"Registry of account {registry.account_id} in {registry.region_name}, at {address}. "
        "To log in, for twelve hours:\n\n"
        f"  echo {registry.password()} | docker login --username AWS --password-stdin {address}\n",
        flush=True,
    )
