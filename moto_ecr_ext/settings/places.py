"""Places where state is kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .setting import Option

PLACES = (
    Option(
        "data_dir",
        "in memory",
        "keep everything in this directory, so that it is there after a restart",
        "a directory",
    ),
    Option(
        "database",
        "in the data directory",
        "keep all but the bytes of blobs in this database, which several servers may share",
        "``postgresql+psycopg://USER@HOST/NAME``",
    ),
    Option(
        "blobs",
        "in the data directory",
        "keep the bytes of blobs here",
        "a directory, ``s3://BUCKET/PREFIX``, ``memory:``",
    ),
)


@dataclass(frozen=True)
class StoreLocation:
    """Where state is kept: in memory, or in the directory `data_dir`.

    Rows may be in the database at the URL `database` instead, bytes at the URL `blobs`.
    """

    data_dir: Path | None = None
    database: str | None = None
    blobs: str | None = None

    @classmethod
    def of(
        cls, data_dir: str | Path | None, database: str | None, blobs: str | None
    ) -> StoreLocation:
        """Return the location that these values, which come from outside, say; empty ones say nothing."""
        return cls(Path(data_dir).resolve() if data_dir else None, database or None, blobs or None)
