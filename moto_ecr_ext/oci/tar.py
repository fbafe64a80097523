"""A reader of tar archives of any origin: it streams, keeps nothing, and refuses what is malformed or too large.

It reads POSIX's ustar and pax formats (IEEE 1003.1, "pax"), and GNU's, as layers have them (OCI Image Specification
1.1, "Image Layer Filesystem Changeset"). `tarfile` has no limits, and some of its time is quadratic.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from .archives import ArchiveError, ArchiveLimits, Deadline, LimitReached

_BLOCK = 512
# The most bytes of content to yield at once.
_PIECE = 1024 * 1024
# No file system has a larger file.
_LARGEST = 2**63 - 1
_LONGEST_NUMBER = 32
# Headers about one entry. An archive has at most one of each kind.
_MOST_EXTENSIONS = 8

_KINDS = {
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "character device",
    b"4": "block device",
    b"5": "directory",
    b"6": "pipe",
}
_LONG_NAME, _LONG_TARGET, _SPARSE = b"L", b"K", b"S"
_EXTENDED, _GLOBAL = (b"x", b"X"), b"g"
_FIELDS = frozenset((b"path", b"linkpath", b"size", b"uid", b"gid", b"mtime"))
_SPARSE_FIELDS = b"GNU.sparse."

_WHITEOUT = ".wh."
_OPAQUE = ".wh..wh..opq"


@dataclass(frozen=True, slots=True)
class Whiteout:
    """The removal of `path` by a layer, or, if it `is_opaque`, of all that lower layers have in that directory."""

    path: str
    is_opaque: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of a tar archive.

    `name` has no slash at its end; bytes that are not UTF-8 are surrogate escapes. `kind` is "file", "directory",
    "symbolic link", "hard link", "character device", "block device" or "pipe". `size` is in bytes, that of `stored`
    ones at the position `offset` of the unpacked archive, which differs for sparse files.
    """

    name: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str
    offset: int
    stored: int
    is_sparse: bool

    @property
    def whiteout(self) -> Whiteout | None:
        """The removal that an entry of this name stands for, or None.

        OCI Image Specification 1.1, "Image Layer Filesystem Changeset", "Whiteouts".
        """
        folder, _, name = self.name.rpartition("/")
        if name == _OPAQUE:
            return Whiteout(folder or "/", True)
        if name.startswith(_WHITEOUT):
            return Whiteout(f"{folder}/{name[len(_WHITEOUT) :]}".lstrip("/"), False)
        return None


class Source(Protocol):
    """The bytes of an uncompressed archive, in their order."""

    def some(self, size: int) -> bytes:
        """Return at least one and at most `size` bytes, or none at the end."""

    def skip(self, size: int) -> bool:
        """Leave out bytes. Return False if there are fewer."""


class Pieces:
    """A source of pieces, for example from `archives.unpacked`."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._waiting = memoryview(b"")

    def some(self, size: int) -> bytes:
        return bytes(self._take(size))

    def skip(self, size: int) -> bool:
        while size and (taken := self._take(size)):
            size -= len(taken)
        return not size

    def _take(self, size: int) -> memoryview:
        while not self._waiting:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._waiting = memoryview(piece)
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken


class SeekableSource:
    """A source that is a file on disk, in which content is skipped without reading it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, io.SEEK_END)
        file.seek(0)

    def some(self, size: int) -> bytes:
        return self._file.read(size)

    def skip(self, size: int) -> bool:
        end = self._file.tell() + size
        if end <= self._size:
            self._file.seek(end)
        return end <= self._size


@dataclass
class _About:
    """What headers before an entry say about it."""

    name: bytes | None = None
    target: bytes | None = None
    records: dict[bytes, bytes] = field(default_factory=dict)


class TarReader:
    """The entries of an archive, iterated once, and the content of each while it is the last one.

    Iteration and `content` raise ArchiveError: LimitReached above a limit, and others for damage.
    """

    def __init__(self, source: Source, limits: ArchiveLimits) -> None:
        self._source = source
        self._limits = limits
        self._deadline = Deadline(limits)
        self._position = 0
        # Bytes of the last entry's content, and of its padding, that have not been read.
        self._left = 0
        self._padding = 0
        self._last: Entry | None = None
        self._global: dict[bytes, bytes] = {}

    def __iter__(self) -> Iterator[Entry]:
        count = 0
        while (entry := self._next()) is not None:
            count += 1
            if count > self._limits.entries:
                raise LimitReached(f"has more than {self._limits.entries:,} entries")
            self._last, self._left = entry, entry.stored
            self._padding = -entry.stored % _BLOCK
            yield entry

    def content(self) -> Iterator[bytes]:
        """Yield the bytes of the last entry that have not been read yet."""
        if self._last is not None and self._last.is_sparse:
            raise ArchiveError(f"has the sparse file {self._last.name!r}, which cannot be read")
        while self._left:
            piece = self._source.some(min(self._left, _PIECE))
            if not piece:
                raise _damaged("it ends early")
            self._deadline.check()
            self._left -= len(piece)
            self._position += len(piece)
            yield piece

    def _next(self) -> Entry | None:
        """Return the next entry, or None at the end of the archive."""
        self._skip(self._left + self._padding)
        about, left, extensions = _About(records=dict(self._global)), self._limits.header, 0
        while True:
            self._deadline.check()
            block = self._block()
            if block is None:
                if extensions:
                    raise _damaged("it ends after the header of an entry")
                return None
            kind, size = block[156:157], _size(block)
            if kind not in (_LONG_NAME, _LONG_TARGET, _GLOBAL, *_EXTENDED):
                return self._entry(block, size, about)
            left -= size
            extensions += kind != _GLOBAL
            if left < 0:
                raise LimitReached(
                    f"has an entry with headers of more than {self._limits.header:,} bytes"
                )
            if extensions > _MOST_EXTENSIONS:
                raise _damaged("an entry has too many headers")
            self._extend(about, kind, self._read(size))

    def _extend(self, about: _About, kind: bytes, content: bytes) -> None:
        """Note what a header says about the next entry, or, if it is global, about all that follow."""
        if kind == _LONG_NAME:
            about.name = _text(content)
        elif kind == _LONG_TARGET:
            about.target = _text(content)
        else:
            records = {
                keyword: value
                for keyword, value in _records(content)
                if keyword in _FIELDS or keyword.startswith(_SPARSE_FIELDS)
            }
            about.records.update(records)
            if kind == _GLOBAL:
                self._global.update(records)

    def _entry(self, block: bytes, size: int, about: _About) -> Entry:
        flag, records = block[156:157], about.records
        name = about.name if about.name is not None else _name(block)
        target = about.target if about.target is not None else _text(block[157:257])
        name = records.get(b"GNU.sparse.name") or records.get(b"path") or name
        target = records.get(b"linkpath") or target
        for each in (name, target):
            if len(each) > self._limits.name:
                raise LimitReached(f"has a name of more than {self._limits.name:,} bytes")
        is_folder = flag == b"\0" and name.endswith(b"/")
        kind = "directory" if is_folder else _KINDS.get(flag, "file")
        size = _decimal(records.get(b"size"), size)
        real, is_sparse = size, flag == _SPARSE
        if flag == _SPARSE:
            real = self._skip_sparse_map(block)
        for keyword in (b"GNU.sparse.realsize", b"GNU.sparse.size"):
            if keyword in records:
                real, is_sparse = _decimal(records[keyword], 0), True
        if max(size, real) > _LARGEST or min(size, real) < 0:
            raise _damaged("an entry has a size that no file has")
        has_content = kind == "file"
        return Entry(
            name=_decoded(name.rstrip(b"/") or name[:1]),
            kind=kind,
            size=real if has_content else 0,
            mode=_number(block[100:108]) & 0o7777,
            uid=_decimal(records.get(b"uid"), _number(block[108:116])),
            gid=_decimal(records.get(b"gid"), _number(block[116:124])),
            mtime=_decimal(records.get(b"mtime"), _number(block[136:148])),
            target=_decoded(target),
            offset=self._position,
            stored=size if has_content else 0,
            is_sparse=is_sparse,
        )

    def _skip_sparse_map(self, block: bytes) -> int:
        """Skip the rest of the map of GNU's sparse file, and return the file's size."""
        real, follows = _number(block[483:495]), block[482]
        left = self._limits.header
        while follows:
            left -= _BLOCK
            if left < 0:
                raise LimitReached(
                    f"has an entry with headers of more than {self._limits.header:,} bytes"
                )
            follows = self._read(_BLOCK)[504]
        return real

    def _block(self) -> bytes | None:
        """Return the next header, or None at the end of the archive."""
        block = self._some(_BLOCK)
        if not block and self._position:
            return None
        if len(block) < _BLOCK:
            raise _damaged("it ends early")
        if not any(block):
            return None
        if not _has_checksum(block):
            raise _damaged("a header has a wrong checksum")
        return block

    def _read(self, size: int) -> bytes:
        """Return the content of a header, whose padding is skipped."""
        content = self._some(size)
        if len(content) < size:
            raise _damaged("it ends early")
        self._skip(-size % _BLOCK)
        return content

    def _some(self, size: int) -> bytes:
        parts = []
        while size and (part := self._source.some(size)):
            parts.append(part)
            size -= len(part)
            self._position += len(part)
        return b"".join(parts)

    def _skip(self, size: int) -> None:
        if size and not self._source.skip(size):
            raise _damaged("it ends early")
        self._position += size
        self._left = self._padding = 0


def _damaged(reason: str) -> ArchiveError:
    return ArchiveError(f"is not a tar archive, or is damaged: {reason}")


def _text(content: bytes) -> bytes:
    return content.partition(b"\0")[0]


def _decoded(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _name(block: bytes) -> bytes:
    """Return the name in a header, with the prefix that POSIX has; GNU's headers have other fields there."""
    name, prefix = _text(block[:100]), _text(block[345:500])
    return prefix + b"/" + name if prefix and block[257:263] == b"ustar\0" else name


def _has_checksum(block: bytes) -> bool:
    """Return True if a header has its sum, in which some programs count signed bytes."""
    others = block[:148] + block[156:]
    total = sum(others) + 8 * ord(" ")
    expected = _number(block[148:156])
    return expected in (total, total - 256 * sum(byte > 127 for byte in others))


def _number(octets: bytes) -> int:
    """Return the number in a field: octal digits, or, with the first bit, GNU's binary form."""
    if octets[0] & 0x80:
        bits = 8 * len(octets) - 1
        value = int.from_bytes(octets, "big") & ((1 << bits) - 1)
        return value - (1 << bits) if octets[0] & 0x40 else value
    digits = _text(octets).strip(b" ")
    if digits.strip(b"01234567"):
        raise _damaged("a header has a malformed number")
    return int(digits or b"0", 8)


def _size(block: bytes) -> int:
    size = _number(block[124:136])
    if not 0 <= size <= _LARGEST:
        raise _damaged("an entry has a size that no file has")
    return size


def _decimal(value: bytes | None, default: int) -> int:
    """Return the whole part of a number in a record of pax, or the header's number without such a record."""
    if not value:
        return default
    whole = value.partition(b".")[0]
    if len(whole) > _LONGEST_NUMBER or not whole.removeprefix(b"-").isdigit():
        raise _damaged("a header has a malformed number")
    return int(whole)


def _records(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keywords and values of an extended header: `<length> <keyword>=<value>`, each with a line feed."""
    at = 0
    # Some programs pad the records with zeros.
    while at < len(content) and content[at]:
        space = content.find(b" ", at, at + _LONGEST_NUMBER)
        digits = content[at : max(space, at)]
        if not digits.isdigit():
            raise _damaged("an extended header is malformed")
        end = at + int(digits)
        keyword, equals, value = content[space + 1 : end - 1].partition(b"=")
        if end > len(content) or content[end - 1] != ord("\n") or not (keyword and equals):
            raise _damaged("an extended header is malformed")
        yield keyword, value
        at = end
