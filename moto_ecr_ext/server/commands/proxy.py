"""`moto_ecr_proxy`: moto's own proxy with a whole ECR."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from moto_ecr_ext import hosts
from moto_ecr_ext.distribution.carriers.gate import Gate
from moto_ecr_ext.seams.installation import uninstall
from moto_ecr_ext.server import moto_proxy as seam
from moto_ecr_ext.server.accounts import accounts_from_keys
from moto_ecr_ext.server.moto_server import set_limits

from .configuration import read_configuration
from .ending import end_by_signals, interruptible, logging_its_end
from .flags import Command, Limits
from .network import log_notices, notices
from .progress import shown

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend

_PORT = "MOTO_PROXY_PORT"
_DESCRIPTION = """\
moto's proxy, whose ECR keeps real images and answers at the real host names of registries."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the proxy until it is stopped."""
    with interruptible():
        _run(sys.argv[1:] if argv is None else argv)


def _run(arguments: Sequence[str]) -> None:
    command = Command("moto_ecr_proxy", _DESCRIPTION, {})
    flags, flags_of_moto = command.parse(arguments)
    moto, all_flags = command.moto_module("proxy", arguments, _PORT)
    with command.logging(flags), logging_its_end():
        limits = read_configuration(command, flags, all_flags).limits
        try:
            with shown(not flags.quiet):
                registry = command.open_registry(flags)
            if flags.quiet:
                log_notices(limits)
            else:
                _announce(registry, limits)
            with (
                accounts_from_keys() if limits.account_from_key else nullcontext(),
                seam.plugged(lambda running: _begin(running, limits)),
            ):
                # moto parses the process's own arguments if it receives none.
                moto.main(flags_of_moto or ["--host", "127.0.0.1"])
        finally:
            uninstall()


def _begin(running: Any, limits: Limits) -> None:
    set_limits(running, limits.idle_timeout, limits.connections)
    # Under any other name than its own, the proxy serves only AWS's hosts.
    running.gate = Gate(limits.origins, None)
    end_by_signals()


def _announce(registry: ECRBackend, limits: Limits) -> None:
    """Print how to log in."""
    for line in notices(limits):
        print(line)
    from moto.moto_proxy.certificate_creator import CertificateCreator

    host = hosts.aws_registry_host(registry.account_id, registry.region_name)
    print(
        f"Registry of account {registry.account_id} in {registry.region_name}, at {host}, for\n"
        f"clients that use this proxy and trust {CertificateCreator.cacert}.\n"
        "To log in, for twelve hours:\n\n"
        f"  echo {registry.password()} | skopeo login --username AWS --password-stdin {host}\n",
        flush=True,
    )
