"""`moto_ecr_server --check` and `--repair`: print the damage to stored data, and repair it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from moto_ecr_ext.settings import SettingError
from moto_ecr_ext.storage.checks import check, repair
from moto_ecr_ext.storage.database.versions import StoreError
from moto_ecr_ext.storage.failures import is_failure_of_storage

from .flags import places
from .progress import shown

if TYPE_CHECKING:
    from argparse import Namespace

    from .flags import Command

AFTER_THE_NEXT_PUSH = "An incomplete image is whole again after its next push."


def add_flags(command: Command) -> None:
    """Add the flags that look for damage instead of serving."""
    command.parser.add_argument(
        "--check",
        action="store_true",
        help="compare the stored data with its digests, print damage and incomplete images, and exit. Exit status: "
        "0 sound, 1 damaged or incomplete, 2 cannot be opened",
    )
    command.parser.add_argument(
        "--repair",
        action="store_true",
        help="as --check, and remove what is damaged, so that the next push uploads it again; exits with 0 if no "
        "damage and no incomplete image is left",
    )


def run(command: Command, flags: Namespace) -> int:
    """Print the damage, repair it if the flags say so, and return the exit status."""

    look = repair if flags.repair else check
    try:
        with shown(not flags.quiet):
            found = look(**places(flags))
    except Exception as error:
        if isinstance(error, (SettingError, StoreError)) or is_failure_of_storage(error):
            command.fail(error)
        raise
    for damage in found:
        is_repaired = flags.repair and damage.repair is not None
        print(f"{damage}\n  repaired" if is_repaired else damage)
    left = [damage for damage in found if not (flags.repair and damage.repair)]
    if not found:
        print("Nothing is wrong.")
    if any(damage.lacks for damage in found):
        print(AFTER_THE_NEXT_PUSH)
    return 1 if left else 0
