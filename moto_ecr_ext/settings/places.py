"""The settings that locate state."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .setting import Option

PLACES = (
    Option(
        "data_dir",
        "in memory",
        "keep all state in this directory, so that it survives a restart",
        "a directory",
    ),
    Option(
        "database",
        "in the data directory",
        "keep metadata in this database, which several servers may share",
        "``postgresql+psycopg://USER@HOST/NAME``",
    ),
    Option(
        "blobs",
        "in the data directory",
        "keep blobs here",
        "a directory, ``s3://BUCKET/PREFIX``, ``memory:``",
    ),
)


@dataclass(frozen=True)
class StoreLocation:
    """The location of state: in memory, or in the directory `data_dir`.

    `database` is the URL of a database for metadata, `blobs` the URL of a store for blobs. Each replaces a part of the
    data directory.
    """

    data_dir: Path | None = None
    database: str | None = None
    blobs: str | None = None

    @classmethod
    def of(
        cls, data_dir: str | Path | None, database: str | None, blobs: str | None
    ) -> StoreLocation:
        """Return the location that these values from outside name. Empty values count as None."""
        return cls(Path(data_dir).resolve() if data_dir else None, database or None, blobs or None)
