"""Looking for damage in what a server keeps, and repairing it: for Python, and as flags of `moto_ecr_server`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moto_ecr_ext.settings import StoreLocation

if TYPE_CHECKING:
    from argparse import Namespace

    from moto_ecr_ext.storage.integrity import Damage
    from moto_ecr_ext.storage.store import Store

    from .flags import Command


def check(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Damage]:
    """Return the damage to what a server keeps at these places, which are those of `install()`.

    Nothing is removed. Raises StoreError if it cannot be opened or there is nothing.
    """
    from moto_ecr_ext.storage.integrity import find_damage

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        return list(find_damage(store))


def repair(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Damage]:
    """As `check`, and repair it; damage without a `repair` remains.

    A layer that is damaged or missing is taken out of all repositories, so that the next push of an image that has it
    brings it again. The image stays, with its tags. An image whose manifest is damaged goes.
    """
    from moto_ecr_ext.storage.integrity import find_damage
    from moto_ecr_ext.storage.progress import work

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        found = list(find_damage(store))
        repairs = [damage.repair for damage in found if damage.repair is not None]
        with work("Repairs", len(repairs), "repairs") as running:
            for mend in repairs:
                mend()
                running.advance()
    return found


@contextmanager
def _store_at(location: StoreLocation) -> Iterator[Store]:
    from moto_ecr_ext.storage.opening import naming_what_cannot_be_opened
    from moto_ecr_ext.storage.store import Store

    store = Store.found(location)
    with naming_what_cannot_be_opened(location), closing(store):
        yield store


def add_flags(command: Command) -> None:
    """Take the flags that say to look for damage instead of serving."""
    command.parser.add_argument(
        "--check",
        action="store_true",
        help="compare what is kept with its digests, say what is wrong, and end: with 0 when nothing is, with 1 "
        "when something is, with 2 when it cannot be opened",
    )
    command.parser.add_argument(
        "--repair",
        action="store_true",
        help="as --check, and remove what is wrong, which the next push of an image brings again; ends with 0 when "
        "nothing is left",
    )


def run(command: Command, flags: Namespace) -> int:
    """Print the damage, repair it if the flags say so, and return the exit status."""
    from moto_ecr_ext.storage.database.versions import StoreError
    from moto_ecr_ext.storage.store import is_failure_of_storage

    # The parsers of flags, which `import moto_ecr_ext` does not need.
    from .flags import places
    from .progress import shown

    look = repair if flags.repair else check
    try:
        with shown():
            found = look(**places(flags))
    except Exception as error:
        if isinstance(error, StoreError) or is_failure_of_storage(error):
            command.fail(error)
        raise
    for damage in found:
        is_repaired = flags.repair and damage.repair is not None
        print(f"{damage}\n  repaired" if is_repaired else damage)
    left = [damage for damage in found if not (flags.repair and damage.repair)]
    if not found:
        print("Nothing is wrong.")
    return 1 if left else 0
