"""The settings that locate state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .setting import Option, SettingError

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


# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/(.*))?")


def bucket_and_prefix(url: str) -> tuple[str, str]:
    """Return the two parts of `s3://BUCKET/PREFIX`. Raises SettingError for any other text."""
    match = _BUCKET.fullmatch(url)
    if match is None:
        name = url.removeprefix("s3://").partition("/")[0]
        raise SettingError(
            f"{url!r} is not of the form s3://BUCKET/PREFIX: {name!r} is not the name of a bucket, which has "
            "3 to 63 lower-case letters, digits, dots and hyphens."
        )
    return match[1], (match[2] or "").strip("/")


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
        """Return the location that these values from outside name. Empty values count as None.

        Raises SettingError for `s3://` without the name of a bucket.
        """
        if blobs and blobs.startswith("s3://"):
            bucket_and_prefix(blobs)
        return cls(Path(data_dir).resolve() if data_dir else None, database or None, blobs or None)
