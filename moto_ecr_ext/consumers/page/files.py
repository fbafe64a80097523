"""The files of a layer, read from its archive as far as is reasonable for a page."""

from __future__ import annotations

import io
import stat
import tarfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

# How far an archive is read: entries, bytes once they are decompressed, and seconds.
MOST_FILES = 2000
_MOST_BYTES = 128 * 1024 * 1024
_MOST_SECONDS = 2.0
# Bytes that a decompressor may return at once, for a few that it is given.
_PIECE = 256 * 1024

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# A name with this before it says that a lower layer's file is gone.
# OCI Image Specification 1.1, "Image Layer Filesystem Changeset", "Whiteouts"
_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"

_KINDS = {
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "pipe",
}


@dataclass(frozen=True)
class File:
    """An entry of a layer. `size` is in bytes, `target` that of a link."""

    path: str
    size: int
    mode: str
    owner: str
    kind: str
    target: str = ""

    @property
    def is_removal(self) -> bool:
        """Whether the entry takes a file of a lower layer away."""
        return self.kind in ("removed", "emptied")


@dataclass
class Listing:
    """The entries of a layer. `cut` says why there may be more of them; None if these are all."""

    files: list[File] = field(default_factory=list)
    number: int = 0
    size: int = 0
    removed: int = 0
    cut: str | None = None

    def add(self, file: File) -> None:
        """Count an entry, and keep it if it is one of the first."""
        self.number += 1
        self.size += file.size
        self.removed += file.is_removal
        if len(self.files) < MOST_FILES:
            self.files.append(file)


class _Unreadable(Exception):
    """Why an archive cannot be read on."""


def list_files(chunks: Iterator[bytes], search: str = "") -> Listing:
    """Return the entries of a layer, compressed or not, whose paths have a text in them."""
    listing = Listing()
    try:
        with tarfile.open(fileobj=_Stream(_decompressed(chunks)), mode="r|", bufsize=65536) as tar:
            while (member := tar.next()) is not None:
                file = _file_of(member)
                if search.lower() in file.path.lower():
                    listing.add(file)
                # It keeps all that it has read.
                tar.members = []  # type: ignore[attr-defined]
    except _Unreadable as error:
        listing.cut = str(error)
    except (tarfile.TarError, zlib.error, EOFError, OSError, ValueError, OverflowError):
        listing.cut = (
            "The rest of this blob is not a tar archive, compressed with gzip, zstd or not."
        )
    if listing.cut is None and listing.number > len(listing.files):
        listing.cut = f"The first {MOST_FILES} entries are shown."
    return listing


def _file_of(member: tarfile.TarInfo) -> File:
    path, kind = member.name, _KINDS.get(member.type, "file")
    folder, _, name = path.rpartition("/")
    if name == _OPAQUE:
        path, kind = folder or "/", "emptied"
    elif name.startswith(_WHITEOUT):
        path, kind = f"{folder}/{name[len(_WHITEOUT) :]}".lstrip("/"), "removed"
    return File(
        path=_shown(path),
        size=member.size if member.isreg() else 0,
        mode=stat.filemode(member.mode & 0o7777)[1:],
        owner=f"{member.uid}:{member.gid}",
        kind=kind,
        target=_shown(member.linkname),
    )


def _shown(name: str) -> str:
    """Return a name whose bytes need not be UTF-8, as text that can be sent."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Stream(io.RawIOBase):
    """The bytes of pieces, read in order; Raises _Unreadable where there are too many."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = memoryview(b"")
        self._left = _MOST_BYTES
        self._until = time.monotonic() + _MOST_SECONDS

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; none at the end."""
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left -= len(piece)
            if self._left < 0 or time.monotonic() > self._until:
                raise _Unreadable("The layer is large: these are the first of its files.")
            self._waiting = memoryview(piece)
        given = bytes(self._waiting[:size] if size >= 0 else self._waiting)
        self._waiting = self._waiting[len(given) :]
        return given


def _decompressed(chunks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(chunks, b"")
    if first.startswith(_GZIP):
        return _inflated(_with_first(first, chunks), _inflator)
    if first.startswith(_ZSTD):
        return _inflated(_with_first(first, chunks), _zstd_decompressor())
    return _with_first(first, chunks)


def _with_first(first: bytes, chunks: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from chunks


def _inflated(chunks: Iterator[bytes], make: Callable[[], Any]) -> Iterator[bytes]:
    """Yield what chunks are decompressed to, a bounded piece at a time: a small chunk may become a large one."""
    decompressor = make()
    for chunk in chunks:
        rest, piece = chunk, b""
        # A full piece may have been cut off.
        while rest or len(piece) == _PIECE:
            if decompressor.eof:
                # Another member follows.
                decompressor = make()
            piece = decompressor.decompress(rest, _PIECE)
            # One keeps what it has not read, the other gives it back.
            rest = getattr(decompressor, "unconsumed_tail", b"") or decompressor.unused_data
            if piece:
                yield piece


def _inflator() -> Any:
    return zlib.decompressobj(31)


def _zstd_decompressor() -> Callable[[], Any]:
    """Return what makes a decompressor, of Python 3.14 or a package for those before. Raises _Unreadable."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            make: Callable[[], Any] = import_module(name).ZstdDecompressor
            return make
    raise _Unreadable(
        "The layer is compressed with zstd, which Python 3.14 reads. For an earlier one: pip install backports.zstd"
    )
