"""`moto_ecr_server`: moto's own server with a whole ECR in it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from . import settings
from .activation import install

_DESCRIPTION = """\
A local Amazon ECR: moto's server, whose ECR keeps real images and serves the registry that docker pushes to.
Takes all flags of moto_server, which are listed below, and these:"""


def add_settings(parser: argparse.ArgumentParser, defaults: dict[str, str]) -> None:
    """Add a flag for each setting of how calls behave. `defaults` are those of this command."""
    for setting in settings.ALL:
        default = os.environ.get(setting.variable, defaults.get(setting.name, setting.default))
        parser.add_argument(
            "--" + setting.name.replace("_", "-"),
            choices=setting.choices,
            default=setting.parse(default, setting.variable),
            help=f"{setting.meaning} (environment: {setting.variable}; default: %(default)s)",
        )


def chosen_settings(arguments: argparse.Namespace) -> dict[str, object]:
    """The settings of how calls behave, out of parsed arguments."""
    return {setting.name: getattr(arguments, setting.name) for setting in settings.ALL}


def build_parser() -> argparse.ArgumentParser:
    """The command's own flags."""
    parser = argparse.ArgumentParser(
        "moto_ecr_server",
        description=_DESCRIPTION,
        add_help=False,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=os.environ.get("MOTO_ECR_DATA_DIR") or None,
        help="keep everything in this directory, so that it is there after a restart "
        "(environment: MOTO_ECR_DATA_DIR; default: in memory)",
    )
    add_settings(parser, {"repository_uri": "endpoint"})
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run the server until it is told to stop."""
    from moto import server

    parser = build_parser()
    arguments, of_moto = parser.parse_known_args(sys.argv[1:] if argv is None else argv)
    if {"-h", "--help"} & set(of_moto):
        parser.print_help()
        print("\nFlags of moto_server:\n")  # noqa: T201
        server.main(["--help"])
    address = _address(of_moto)
    try:
        install(
            data_dir=arguments.data_dir,
            server_address=address,
            **chosen_settings(arguments),
        )
        _open_registry(address)
    except (settings.SettingError, OSError) as error:
        parser.exit(2, f"moto_ecr_server: {error}\n")
    # moto reads the process's own arguments when it gets none.
    server.main([*of_moto] or ["--host", "127.0.0.1"])


def _address(of_moto: Sequence[str]) -> str:
    """Where moto's server will listen, by its own flags and defaults."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("-H", "--host", default="127.0.0.1")
    parser.add_argument("-p", "--port", type=int, default=int(os.environ.get("MOTO_PORT", "5000")))
    known, _ = parser.parse_known_args(of_moto)
    host = "127.0.0.1" if known.host == "0.0.0.0" else known.host  # noqa: S104
    return f"{host}:{known.port}"


def _open_registry(address: str) -> None:
    """Open the store, so that a reset empties it and a data directory of the future is refused now; say how to log in."""
    from moto.core import DEFAULT_ACCOUNT_ID

    from .models.backends import registry_backend
    from .storage.database import SchemaVersionError

    account_id = os.environ.get("MOTO_ACCOUNT_ID", DEFAULT_ACCOUNT_ID)
    region = os.environ.get("AWS_DEFAULT_REGION", "us-east-1")
    try:
        backend = registry_backend(account_id, region)
    except SchemaVersionError as error:
        raise settings.SettingError(str(error)) from None
    print(  # noqa: T201
        f"Registry of account {account_id} in {region}, at {address}. To log in:\n\n"
        f"  echo {backend.password()} | docker login --username AWS --password-stdin {address}\n",
        flush=True,
    )
