"""`moto_ecr_proxy`: moto's own proxy with a whole ECR in it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from . import settings
from .activation import install
from .server import add_settings, chosen_settings

_DESCRIPTION = """\
moto's proxy, whose ECR keeps real images and answers at the real host names of registries.
Takes all flags of moto_proxy, which are listed below, and these:"""


def build_parser() -> argparse.ArgumentParser:
    """The command's own flags."""
    parser = argparse.ArgumentParser(
        "moto_ecr_proxy",
        description=_DESCRIPTION,
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_settings(parser, {})
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the proxy until it is told to stop."""
    from moto import proxy

    parser = build_parser()
    arguments, of_moto = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(of_moto):
        parser.print_help()
        print("\nFlags of moto_proxy:\n")  # noqa: T201
        proxy.main(["--help"])
    try:
        install(**chosen_settings(arguments))
    except settings.SettingError as error:
        parser.exit(2, f"moto_ecr_proxy: {error}\n")
    # moto reads the process's own arguments when it gets none.
    proxy.main([*of_moto] or ["--host", "127.0.0.1"])
