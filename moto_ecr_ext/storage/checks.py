"""The check for damage to stored data, and its repair: public functions.

Importing this module does not import SQLAlchemy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moto_ecr_ext.settings import StoreLocation

from .progress import work

if TYPE_CHECKING:
    from .integrity import Damage
    from .store import Store


def check(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Damage]:
    """Return the damage to the data at these places, which are arguments of `install()` too.

    Nothing is removed. Raises SettingError for `s3://` without a bucket's name, and StoreError if the data cannot be
    opened or does not exist.
    """
    from .integrity import find_damage

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
    from .integrity import find_damage, find_incomplete

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
    from .opening import naming_what_cannot_be_opened
    from .store import Store

    store = Store.open_existing(location)
    with naming_what_cannot_be_opened(location), closing(store):
        yield store
