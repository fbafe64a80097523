"""`moto_ecr_server --backup DIR`: copy the data directory, even while servers use it."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from moto_ecr_ext.server.backup import back_up
from moto_ecr_ext.settings import SettingError, StoreLocation
from moto_ecr_ext.storage.database.versions import StoreError

from .check import AFTER_THE_NEXT_PUSH
from .flags import Command, not_empty, places
from .progress import shown
from .tls import copy_authority


def add_flags(command: Command) -> None:
    """Add the flag that makes a copy instead of serving."""
    command.parser.add_argument(
        "--backup",
        metavar="DIR",
        type=not_empty,
        help="copy the data directory to DIR, and exit; servers can keep running",
    )


def run(command: Command, flags: Namespace) -> int:
    """Make a copy, print its size, and return the exit status: 1 if the data directory lacks a blob of an image."""
    if flags.check or flags.repair:
        command.fail("--backup cannot be used with --check or --repair. Run one after the other.")

    try:
        target = Path(flags.backup).resolve()
        with shown(not flags.quiet):
            backup = back_up(StoreLocation.of(**places(flags)), target)
        copy_authority(flags, target)
    except (SettingError, StoreError, OSError) as error:
        command.fail(error)
    print(f"{flags.backup} has {backup.blobs} blobs, {backup.bytes} bytes.")
    for digest in backup.missing:
        print(f"missing blob: {digest}")
    if backup.missing:
        print("--check lists the images that need them.")
    for image in backup.incomplete:
        print(image)
    if backup.incomplete:
        print(AFTER_THE_NEXT_PUSH)
    return 1 if backup.missing or backup.incomplete else 0
