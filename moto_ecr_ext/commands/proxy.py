"""`moto_ecr_proxy`: moto's own proxy with a whole ECR in it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from moto_ecr_ext import hosts
from moto_ecr_ext.activation import proxy as seam
from moto_ecr_ext.activation.installation import uninstall

from .flags import Command

if TYPE_CHECKING:
    from moto_ecr_ext.models import ECRBackend

_DESCRIPTION = """\
moto's proxy, whose ECR keeps real images and answers at the real host names of registries.
Takes all flags of moto_proxy, which are listed below, and these:"""


def main(argv: Sequence[str] | None = None) -> None:
    """Run the proxy until it is stopped."""
    command = Command("moto_ecr_proxy", _DESCRIPTION, {})
    flags, flags_of_moto = command.parse(sys.argv[1:] if argv is None else argv)
    try:
        from moto import proxy
    except ImportError as error:
        command.fail(f"{error}. To install what it takes: pip install 'moto-ecr-ext[proxy]'")
    if {"-h", "--help"} & set(flags_of_moto):
        command.parser.print_help()
        print("\nFlags of moto_proxy:\n")
        proxy.main(["--help"])
    unplug = seam.plug()
    try:
        _announce(command.open_registry(flags))
        # moto reads the process's own arguments when it gets none.
        proxy.main([*flags_of_moto] or ["--host", "127.0.0.1"])
    finally:
        unplug()
        uninstall()


def _announce(registry: ECRBackend) -> None:
    """Say how to log in."""
    from moto.moto_proxy.certificate_creator import CertificateCreator

    host = hosts.aws_registry_host(registry.account_id, registry.region_name)
    print(
        f"Registry of account {registry.account_id} in {registry.region_name}, at {host}, for\n"
        f"clients that use this proxy and trust {CertificateCreator.cacert}.\n"
        "To log in, for twelve hours:\n\n"
        f"  echo {registry.password()} | skopeo login --username AWS --password-stdin {host}\n",
        flush=True,
    )
