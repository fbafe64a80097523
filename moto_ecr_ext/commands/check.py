"""The check for damage to stored data, and its repair: functions, and flags of `moto_ecr_server`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moto_ecr_ext.settings import SettingError, StoreLocation

if TYPE_CHECKING:
    from argparse import Namespace

    from moto_ecr_ext.storage.integrity import Damage
    from moto_ecr_ext.storage.store import Store

    from .flags import Command

AFTER_THE_NEXT_PUSH = "An incomplete image is whole again after its next push."


def check(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Damage]:
    """Return the damage to the data at these places, which are arguments of `install()` too.

    Nothing is removed. Raises SettingError for `s3://` without a bucket's name, and StoreError if the data cannot be
    opened or does not exist.
    """
    from moto_ecr_ext.storage.integrity import find_damage

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        return list(find_damage(store))


def repair(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Damage]:
    """Repair the damage that `check` finds, and return it; damage without a `repair` remains.

    A damaged or missing layer is removed from all repositories, so that the next push of its image uploads it again.
    The image and its tags stay. It is incomplete until then, and in the list. An image with a damaged manifest is
    removed.
    """
    from moto_ecr_ext.storage.integrity import find_damage, find_incomplete
    from moto_ecr_ext.storage.progress import work

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        found = list(find_damage(store))
        repairs = [damage.repair for damage in found if damage.repair is not None]
        with work("Repairs", len(repairs), "repairs") as running:
            for mend in repairs:
                mend()
                running.advance()
        # Repairs change which images are incomplete.
        return [each for each in found if not each.lacks] + list(find_incomplete(store))


@contextmanager
def _store_at(location: StoreLocation) -> Iterator[Store]:
    from moto_ecr_ext.storage.opening import naming_what_cannot_be_opened
    from moto_ecr_ext.storage.store import Store

    store = Store.found(location)
    with naming_what_cannot_be_opened(location), closing(store):
        yield store


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
    from moto_ecr_ext.storage.database.versions import StoreError
    from moto_ecr_ext.storage.store import is_failure_of_storage

    # The parsers of flags are imported late: `import moto_ecr_ext` does not need them.
    from .flags import places
    from .progress import shown

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
