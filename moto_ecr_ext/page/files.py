"""The files of a layer, read from its archive within limits."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from moto_ecr_ext.oci.archives import ArchiveError, ArchiveLimits, unpacked
from moto_ecr_ext.oci.tar import Entry, Pieces, TarReader

MOST_FILES = 2000
"""The most entries that the page shows."""

# Characters of a name that are shown, and of all names together.
_LONGEST_NAME = 1024
_MOST_TEXT = 512 * 1024

LIMITS = ArchiveLimits(unpacked=128 * 1024 * 1024, seconds=2)
"""The limits of a layer that is read while a browser waits."""


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
    text_left: int = _MOST_TEXT

    def add(self, file: File) -> None:
        """Count an entry, and keep it if it is among the first."""
        self.number += 1
        self.size += file.size
        self.removed += file.is_removal
        text = len(file.path) + len(file.target)
        if len(self.files) < MOST_FILES and text <= self.text_left:
            self.files.append(file)
            self.text_left -= text
        else:
            # None of the following, shorter ones, which would leave a gap.
            self.text_left = 0


def list_files(chunks: Iterator[bytes], search: str = "") -> Listing:
    """Return the entries of a layer, compressed or not, whose paths contain a text."""
    listing = Listing()
    try:
        for entry in TarReader(Pieces(unpacked(chunks, LIMITS)), LIMITS):
            whiteout = entry.whiteout
            path = _text(whiteout.path if whiteout else entry.name)
            if search.lower() in path.lower():
                listing.add(_file_of(entry, path))
    except ArchiveError as error:
        listing.cut = f"The list ends here. The layer {error}."
    if listing.cut is None and listing.number > len(listing.files):
        listing.cut = f"The first {len(listing.files)} entries are shown."
    return listing


def _file_of(entry: Entry, path: str) -> File:
    kind, whiteout = entry.kind, entry.whiteout
    if whiteout is not None:
        kind = "emptied" if whiteout.is_opaque else "removed"
    return File(
        path=_shown(path),
        size=entry.size,
        mode=stat.filemode(entry.mode)[1:],
        owner=f"{entry.uid}:{entry.gid}",
        kind=kind,
        target=_shown(_text(entry.target)),
    )


def _text(name: str) -> str:
    """Return a name as text that can be sent; its bytes need not be UTF-8."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _shown(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
