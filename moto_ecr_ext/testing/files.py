"""Files of a directory or a tar archive, found by name and read in place."""

from __future__ import annotations

import hashlib
import io
import posixpath
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from moto_ecr_ext.oci.archives import GZIP, ArchiveError, ArchiveLimits, gunzipped
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.tar import Entry, SeekableSource, TarReader

from .values import CHUNK, Blob, ExpectedDigest, ImageError

# Archives of `docker save` have some three entries for each layer.
_LIMITS = ArchiveLimits(unpacked=256 * 1024**3, entries=100_000)
# Links from one to the next, as many as Linux follows.
_MOST_LINKS = 40
# Bytes. Manifests and configurations of ECR have at most 4 MiB.
_LARGEST_DOCUMENT = 32 * 1024 * 1024


@dataclass(frozen=True)
class StoredFile:
    """A file on disk, or a member of an uncompressed tar archive on disk.

    `offset` and `size` are in bytes. `where` names the directory or archive in errors.
    """

    path: Path
    offset: int
    size: int
    where: Path

    def read(self) -> bytes:
        """Return all bytes of a document at once. Raises ImageError if they are too many for one."""
        if self.size > _LARGEST_DOCUMENT:
            raise ImageError(
                f"A manifest, configuration or index in {self.where} has {self.size:,} bytes. "
                f"At most {_LARGEST_DOCUMENT:,} are read."
            )
        with self.path.open("rb") as source:
            source.seek(self.offset)
            return source.read(self.size)

    def digest(self) -> Digest:
        """Return the sha256 digest of the bytes, which are read in chunks."""
        hasher = hashlib.sha256()
        with self.path.open("rb") as source:
            source.seek(self.offset)
            left = self.size
            while left and (chunk := source.read(min(CHUNK, left))):
                hasher.update(chunk)
                left -= len(chunk)
        return Digest(f"sha256:{hasher.hexdigest()}")


FindFile = Callable[[str], StoredFile | None]
"""A function that returns the file of a name, with slashes, or None."""


class StoredBlob(Blob):
    """A blob that stays on disk until it is read. Its digest is checked then."""

    def __init__(self, stored: StoredFile, media_type: str, digest: Digest) -> None:
        self._stored = stored
        self._expected = digest
        self.media_type = media_type
        self.digest = str(digest)
        self.size = stored.size

    @property
    def content(self) -> bytes:
        with self.open() as source:
            return source.read()

    def open(self) -> BinaryIO:
        return io.BufferedReader(_CheckedReader(self._stored, self._expected))


class _CheckedReader(io.RawIOBase):
    """A reader of a stored file, for one reading. The read that reaches the end raises unless the digest is right."""

    def __init__(self, stored: StoredFile, digest: Digest) -> None:
        super().__init__()
        self._source = stored.path.open("rb")
        self._source.seek(stored.offset)
        self._left = stored.size
        self._expected = ExpectedDigest(digest, f"A blob in {stored.where}")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        count = self._source.readinto(view)
        self._expected.update(view[:count])
        self._left -= count
        if not self._left or not count:
            self._expected.check()
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


@contextmanager
def files_in(path: Path) -> Iterator[FindFile]:
    """Open a directory, or a tar archive that may be gzipped, to find its files by name.

    Raises ImageError for a damaged archive and for any other file.
    """
    if path.is_dir():

        def find(name: str) -> StoredFile | None:
            file = path / name
            return StoredFile(file, 0, file.stat().st_size, path) if file.is_file() else None

        yield find
        return
    if not path.is_file():
        raise ImageError(f"{path} does not exist.")
    with path.open("rb") as file:
        is_gzipped = file.read(len(GZIP)) == GZIP
    if not is_gzipped:
        yield _members_of(path, path).get
        return
    with tempfile.TemporaryDirectory() as directory:
        plain = Path(directory, "archive.tar")
        try:
            with path.open("rb") as source, plain.open("wb") as target:
                target.writelines(gunzipped(iter(partial(source.read, CHUNK), b""), _LIMITS))
        except ArchiveError as error:
            raise ImageError(f"{path} {error}.") from None
        yield _members_of(plain, path).get


def _members_of(archive_path: Path, where: Path) -> dict[str, StoredFile]:
    """Return the files of an uncompressed tar archive by name, with links followed."""
    try:
        with archive_path.open("rb") as archive:
            members = {
                posixpath.normpath(entry.name): entry
                for entry in TarReader(SeekableSource(archive), _LIMITS)
            }
    except ArchiveError as error:
        raise ImageError(f"{where} {error}.") from None

    files = {}
    for name, member in members.items():
        # Docker up to 24 writes a layer of several images once, and links to it.
        target: Entry | None = member
        for _ in range(_MOST_LINKS):
            if target is None or target.kind not in ("symbolic link", "hard link"):
                break
            directory = posixpath.dirname(target.name) if target.kind == "symbolic link" else ""
            target = members.get(posixpath.normpath(posixpath.join(directory, target.target)))
        if target is not None and target.kind == "file" and not target.is_sparse:
            files[name] = StoredFile(archive_path, target.offset, target.size, where)
    return files
