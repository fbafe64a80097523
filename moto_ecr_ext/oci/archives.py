"""Decompression of archives within limits: bytes, members and time are counted before anything parses them."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import chain
from typing import Any

GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# Bytes that a decompressor takes at once. It copies those that it leaves, for each member that ends among them.
_TAKEN = 16 * 1024
# Bytes that a decompressor returns at once, even for a few compressed ones.
_PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class ArchiveLimits:
    """The most that is read of an archive.

    `unpacked` is in bytes after decompression. `members` are those of gzip, or frames of zstd. `entries`, `name` and
    `header` are limits of a tar archive: the number of its entries, and the bytes of a name or link target, and of all
    extended headers of one entry.
    """

    unpacked: int
    members: int = 100_000
    entries: int = 1_000_000
    # Linux has no longer paths.
    name: int = 4096
    header: int = 1024 * 1024
    seconds: float = math.inf


class ArchiveError(Exception):
    """The error of an archive that cannot be read further. Its message follows the archive's name in a sentence."""


class LimitReached(ArchiveError):
    """The error of an archive that is above a limit."""


class TooLarge(LimitReached):
    """The error of an archive that unpacks to too many bytes."""


class Deadline:
    """The time until which an archive may be read."""

    def __init__(self, limits: ArchiveLimits) -> None:
        self._seconds = limits.seconds
        self._end = time.monotonic() + limits.seconds

    def check(self) -> None:
        """Raise LimitReached once the time is over."""
        if time.monotonic() > self._end:
            raise LimitReached(f"takes more than {self._seconds:g} seconds to read")


def unpacked(chunks: Iterable[bytes], limits: ArchiveLimits) -> Iterator[bytes]:
    """Yield the content of bytes that are compressed with gzip, zstd or not. Raises ArchiveError."""
    rest = iter(chunks)
    first = b""
    while len(first) < len(_ZSTD) and (chunk := next(rest, None)) is not None:
        first += chunk
    whole = chain((first,), rest)
    if first.startswith(GZIP):
        return gunzipped(whole, limits)
    if first.startswith(_ZSTD):
        return _limited(_decompressed(whole, _zstd(), limits), limits)
    return _limited(whole, limits)


def gunzipped(chunks: Iterable[bytes], limits: ArchiveLimits) -> Iterator[bytes]:
    """Yield the content of gzipped bytes, which may have several members. Raises ArchiveError."""
    return _limited(_decompressed(chunks, _Format("gzip", _gzip, zlib.error), limits), limits)


def gunzip(content: bytes, most: int) -> bytes:
    """Return the content of a gzipped document, of at most so many bytes. Raises TooLarge and ArchiveError."""
    return b"".join(gunzipped((content,), ArchiveLimits(unpacked=most, members=100)))


def _limited(pieces: Iterable[bytes], limits: ArchiveLimits) -> Iterator[bytes]:
    """Yield pieces until they are too many bytes, or reading them has taken too long."""
    deadline, left = Deadline(limits), limits.unpacked
    for piece in pieces:
        deadline.check()
        left -= len(piece)
        if left < 0:
            raise TooLarge(f"unpacks to more than {limits.unpacked:,} bytes")
        yield piece


@dataclass(frozen=True)
class _Format:
    """A format of compression: its name, the constructor of a decompressor for one member, and its error."""

    name: str
    decompressor: Callable[[], Any]
    failure: type[Exception]


def _decompressed(chunks: Iterable[bytes], kind: _Format, limits: ArchiveLimits) -> Iterator[bytes]:
    """Yield decompressed pieces. Members without content yield nothing, so that the time is checked here, too."""
    deadline, members, decompressor = Deadline(limits), 1, kind.decompressor()
    try:
        for taken in _slices(chunks):
            deadline.check()
            rest, piece = taken, b""
            # A full piece may be incomplete.
            while rest or len(piece) == _PIECE:
                if decompressor.eof:
                    # Archives may be padded with zeros.
                    rest = rest.lstrip(b"\0")
                    if not rest:
                        break
                    members += 1
                    if members > limits.members:
                        raise LimitReached(f"has more than {limits.members:,} compressed members")
                    decompressor = kind.decompressor()
                piece = decompressor.decompress(rest, _PIECE)
                # One kind of decompressor keeps its unread input, the other returns it.
                rest = getattr(decompressor, "unconsumed_tail", b"") or decompressor.unused_data
                if piece:
                    yield piece
    except kind.failure as error:
        raise ArchiveError(f"is a damaged {kind.name} file: {error}") from None
    if not decompressor.eof:
        raise ArchiveError(f"is a damaged {kind.name} file: it ends early")


def _slices(chunks: Iterable[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        for start in range(0, len(chunk), _TAKEN):
            yield chunk[start : start + _TAKEN]


def _gzip() -> Any:
    return zlib.decompressobj(31)


def _zstd() -> _Format:
    """Return zstd as Python 3.14 has it, or a package for earlier versions. Raises ArchiveError without either."""
    for name in ("compression.zstd", "backports.zstd"):
        with suppress(ImportError):
            module = import_module(name)
            return _Format("zstd", module.ZstdDecompressor, module.ZstdError)
    raise ArchiveError(
        "is compressed with zstd, which Python 3.14 reads. For an earlier one: pip install backports.zstd"
    )
