"""Looking for what is wrong with what a server keeps, and removing it: for Python, and for the flags of the command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moto_ecr_ext.settings import StoreLocation

if TYPE_CHECKING:
    from moto_ecr_ext.storage.integrity import Finding
    from moto_ecr_ext.storage.store import Store


def check(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Finding]:
    """What is wrong with what a server keeps at these places, which are those of `install()`.

    Nothing is removed. Raises StoreError when it cannot be opened or there is nothing.
    """
    from moto_ecr_ext.storage.integrity import findings

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        return list(findings(store))


def repair(
    data_dir: str | Path | None = None, database: str | None = None, blobs: str | None = None
) -> list[Finding]:
    """As `check`, and remove what is wrong; those without a `repair` remain.

    A layer that is damaged or missing is taken out of all repositories, so that the next push of an image that has it
    brings it again. The image stays, with its tags. An image whose manifest is damaged goes.
    """
    from moto_ecr_ext.storage.integrity import findings

    with _store_at(StoreLocation.of(data_dir, database, blobs)) as store:
        found = list(findings(store))
        for finding in found:
            if finding.repair is not None:
                finding.repair()
    return found


@contextmanager
def _store_at(location: StoreLocation) -> Iterator[Store]:
    from moto_ecr_ext.storage.store import Store, naming_what_cannot_be_opened

    store = Store.found(location)
    with naming_what_cannot_be_opened(location), closing(store):
        yield store
