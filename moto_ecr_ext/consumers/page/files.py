"""The files of a layer, read from its archive within limits."""

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

# Limits of reading an archive: entries, bytes after decompression, and seconds.
MOST_FILES = 2000
_MOST_BYTES = 128 * 1024 * 1024
_MOST_SECONDS = 2.0
# Bytes that a decompressor may return at once, even for a few compressed ones.
_PIECE = 256 * 1024
# No file system has a larger file, and a header may claim a size of any number of digits.
_LARGEST_FILE = 2**63 - 1

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# The prefix of a name that removes a lower layer's file: OCI Image Specification 1.1, "Image Layer Filesystem
# Changeset", "Whiteouts".
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
    """An entry of a layer. `size` is in bytes, `target` is that of a link."""

    path: str
    size: int
    mode: str
    owner: str
    kind: str
    target: str = ""

    @property
    def is_removal(self) -> bool:
        """True if the entry removes a file of a lower layer."""
        return self.kind in ("removed", "emptied")


@dataclass
class Listing:
    """The entries of a layer. `cut` is the reason why there may be more, or None if these are all."""

    files: list[File] = field(default_factory=list)
    number: int = 0
    size: int = 0
    removed: int = 0
    cut: str | None = None

    def add(self, file: File) -> None:
        """Count an entry, and keep it if it is among the first."""
        self.number += 1
        self.size += file.size
        self.removed += file.is_removal
        if len(self.files) < MOST_FILES:
            self.files.append(file)


class _Unreadable(Exception):
    """The reason why an archive cannot be read further."""


def list_files(chunks: Iterator[bytes], search: str = "") -> Listing:
    """Return the entries of a layer, compressed or not, whose paths contain a text."""
    listing = Listing()
    try:
        with tarfile.open(fileobj=_Stream(_decompressed(chunks)), mode="r|", bufsize=65536) as tar:
            while (member := tar.next()) is not None:
                file = _file_of(member)
                if search.lower() in file.path.lower():
                    listing.add(file)
                # tarfile keeps every member that it has read.
                tar.members = []  # type: ignore[attr-defined]
    except _Unreadable as error:
        listing.cut = str(error)
    # tarfile calls itself for each header that is about the next one, and there may be thousands.
    except (
        tarfile.TarError,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        OverflowError,
        RecursionError,
    ):
        listing.cut = (
            "The rest of this blob is not a tar archive, compressed with gzip, zstd or not."
        )
    if listing.cut is None and listing.number > len(listing.files):
        listing.cut = f"The first {MOST_FILES} entries are shown."
    return listing


def _file_of(member: tarfile.TarInfo) -> File:
    """Return an entry. Raises OverflowError for one of a size that no file has."""
    if member.size > _LARGEST_FILE:
        raise OverflowError
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
    """Return a name as text that can be sent; its bytes need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Stream(io.RawIOBase):
    """The bytes of pieces, read in order. Raises _Unreadable beyond the limits."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._waiting = memoryview(b"")
        self._left = _MOST_BYTES
        self._until = time.monotonic() + _MOST_SECONDS

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes; an empty value at the end."""
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left -= len(piece)
            if self._left < 0 or time.monotonic() > self._until:
                raise _Unreadable("The layer is large. Its first files are shown.")
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
    """Yield decompressed chunks in pieces of bounded size: a small chunk may become a large one."""
    decompressor = make()
    for chunk in chunks:
        rest, piece = chunk, b""
        # A full piece may be incomplete.
        while rest or len(piece) == _PIECE:
            if decompressor.eof:
                # Another gzip member or zstd frame follows.
                decompressor = make()
            piece = decompressor.decompress(rest, _PIECE)
            # One decompressor keeps its unread input, the other returns it.
            rest = getattr(decompressor, "unconsumed_tail", b"") or decompressor.unused_data
            if piece:
                yield piece


def _inflator() -> Any:
    return zlib.decompressobj(31)


def _zstd_decompressor() -> Callable[[], Any]:
    """Return the constructor of a decompressor, from Python 3.14 or a package for earlier versions.

    Raises _Unreadable without either.
    """
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            make: Callable[[], Any] = import_module(name).ZstdDecompressor
            return make
    raise _Unreadable(
        "The layer is compressed with zstd, which Python 3.14 reads. For an earlier one: pip install backports.zstd"
    )
