"""The tree of files that are blobs: their paths, and the adoption of an upload's file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from moto_ecr_ext.oci.digest import HASHERS, Digest
from moto_ecr_ext.platforms.files import POSIX_FILES
from moto_ecr_ext.storage.blobs.names import aside, digest_at, digest_of_aside, path_of_blob
from moto_ecr_ext.storage.forks import fork_safe_lock

from .files import (
    SyncFailed,
    give_name,
    is_at,
    make_directories,
    names_in,
    remove,
    spare_beside,
    sync_directory,
)
from .verification import FileBlob

_SHARDS = [f"{number:02x}" for number in range(256)]


def _has_digest(path: str, digest: str) -> bool:
    with FileBlob(path) as blob:
        return blob.has_digest(digest)


class BlobTree:
    """All blobs below a directory: in `sha256/ab` those whose digests begin with `ab`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._making = fork_safe_lock()
        self._made: set[str] = set()

    def make(self) -> None:
        """Create the directory if it does not exist."""
        make_directories(self._root)

    def is_there(self) -> bool:
        """Return False if somebody has removed the directory."""
        return os.path.isdir(self._root)

    def path(self, digest: str) -> str:
        """Return the path of this blob's file, which need not exist."""
        return f"{self._root}/{path_of_blob(digest)}"

    def adopt(self, path: str, digest: str) -> None:
        """Make the file at `path` the blob of this digest, with its second name on disk.

        If a file can have only one name, it is moved.
        """
        blob = self.path(digest)
        self._make_shards(Digest.parse(digest).algorithm)
        try:
            give_name(path, blob)
        except FileExistsError:
            # Replace an existing file, which may be damaged, unless an earlier try has come as far as this.
            if not is_at(blob, os.stat(path)):
                self._replace(blob, path, digest)
        sync_directory(os.path.dirname(blob))

    def _replace(self, blob: str, path: str, digest: str) -> None:
        if POSIX_FILES:
            spare = spare_beside(path)
            os.link(path, spare)
            os.replace(spare, blob)
        elif not _has_digest(blob, digest):
            # The upload is open, so that its names cannot change. A damaged blob has no readers.
            os.unlink(blob)
            os.link(path, blob)

    def step_aside(self, digest: str) -> str | None:
        """Give a blob another name beside its own, and return its path, or None if it does not exist."""
        path = aside(self.path(digest))
        try:
            os.rename(self.path(digest), path)
        except FileNotFoundError:
            return None
        return path

    def put_back(self, digest: str, path: str) -> None:
        """Restore the name of a blob that was set aside, on disk, unless the blob was adopted anew."""
        try:
            give_name(path, self.path(digest))
            sync_directory(os.path.dirname(path))
        except FileExistsError:
            pass
        except FileNotFoundError:
            return  # Another server was faster.
        remove(path)

    def digests(self) -> Iterator[str]:
        """Return the digests of all blobs. Other files are ignored."""
        return filter(None, map(digest_at, self._paths()))

    def set_aside(self, digest: str | None = None) -> Iterator[tuple[str, str]]:
        """Return the blobs, or only this one, that are set aside, with their paths."""
        shard = None if digest is None else os.path.dirname(path_of_blob(digest))
        for path in self._paths(shard):
            found = digest_of_aside(path)
            if found is not None and digest in (None, found):
                yield found, f"{self._root}/{path}"

    def _paths(self, shard: str | None = None) -> Iterator[str]:
        """Return the relative paths of all files, or of those in one shard."""
        shards = [shard] if shard else [f"{each}/{two}" for each in HASHERS for two in _SHARDS]
        for each in shards:
            for name in names_in(os.path.join(self._root, each)):
                yield f"{each}/{name}"

    def _make_shards(self, algorithm: str) -> None:
        # All at once: syncing the directory above for each would slow down many uploads.
        with self._making:
            if algorithm in self._made:
                return
            parent = os.path.join(self._root, algorithm)
            make_directories(parent)
            missing = set(_SHARDS).difference(os.listdir(parent))
            for shard in missing:
                os.makedirs(os.path.join(parent, shard), 0o700, exist_ok=True)
            try:
                sync_directory(parent)
            except SyncFailed:
                for shard in missing:
                    with suppress(OSError):
                        os.rmdir(os.path.join(parent, shard))
                raise
            self._made.add(algorithm)
