"""Removing blobs of a bucket, in which objects cannot be renamed."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from moto_ecr_ext.storage.blobs.names import aside, path_of_blob
from moto_ecr_ext.storage.blobs.removal import Removal

from .bucket import S3Bucket
from .objects import REMOVED, key_of_blob

log = logging.getLogger("moto_ecr_ext")

_COPIES_AT_ONCE = 16


class S3Removal(Removal):
    """Blobs that are copied at the start of the block, and set aside by deleting the originals.

    S3 cannot rename an object. Copying takes time, and no transaction waits for it.
    """

    def __init__(self, bucket: S3Bucket, digests: Collection[str]) -> None:
        super().__init__()
        self._bucket = bucket
        self._copies = {digest: REMOVED + aside(path_of_blob(digest)) for digest in digests}

    def __enter__(self) -> Removal:
        try:
            with ThreadPoolExecutor(_COPIES_AT_ONCE) as threads:
                self._copies = dict(filter(None, threads.map(self._copy, self._copies.items())))
        except BaseException:
            self._bucket.delete(self._copies.values())
            raise
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        staying = self._aside - self._confirmed
        try:
            self._bucket.delete(
                key for digest, key in self._copies.items() if digest not in staying
            )
        except OSError as error:
            log.warning("Copies of blobs stay below %s until the next start: %s", REMOVED, error)

    def step_aside(self, digests: Iterable[str]) -> None:
        leaving = [digest for digest in digests if digest in self._copies]
        # This precedes the request, whose effect is unknown if it fails.
        super().step_aside(leaving)
        self._bucket.delete(map(key_of_blob, leaving))

    def _copy(self, item: tuple[str, str]) -> tuple[str, str] | None:
        digest, key = item
        try:
            self._bucket.duplicate(key_of_blob(digest), key)
        except FileNotFoundError:
            return None
        return item

    def _step_aside(self, digest: str) -> bool:
        return True

    def _remove(self, digest: str) -> None:
        """Do nothing: all copies are deleted together, at the end of the block."""

    def _put_back(self, digest: str) -> None:
        put_back(self._bucket, digest, self._copies[digest])


def put_back(bucket: S3Bucket, digest: str, key: str) -> None:
    """Restore a blob from its copy `key`, unless it was committed anew."""
    with suppress(FileNotFoundError):  # Another server was faster.
        if bucket.size(key_of_blob(digest)) is None:
            bucket.duplicate(key, key_of_blob(digest))
        bucket.delete([key])
