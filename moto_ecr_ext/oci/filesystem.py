"""The files of an image: its layers, applied one after the other.

OCI Image Specification 1.1, "Image Layer Filesystem Changeset"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from .archives import ArchiveError, ArchiveLimits, unpacked
from .tar import Entry, Pieces, TarReader

# Links from one to the next, as many as Linux follows.
_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file, a directory or a link of an image.

    `path` has no slash at either end. `kind` is "file", "directory", "symbolic link", "character device", "block
    device", "pipe", or "hard link" if the target of that does not exist; other hard links are files. `mode` are
    the permissions, `target` is that of a link. `layer` is the digest of the layer that has the content, and `offset`
    the position of the content in its archive.
    """

    path: str
    kind: str
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    target: str
    layer: str
    offset: int


@dataclass(slots=True)
class _Node:
    """A name in the tree. A directory that only the paths of others name has no entry."""

    entry: FileEntry | None = None
    children: dict[str, _Node] = field(default_factory=dict)

    @property
    def is_directory(self) -> bool:
        return self.entry is None or self.entry.kind == "directory"


class Filesystem:
    """The files of the layers that were added so far, the lowest first."""

    def __init__(self) -> None:
        self._root = _Node()

    def add_layer(self, digest: str, chunks: Iterable[bytes], limits: ArchiveLimits) -> None:
        """Apply a layer, compressed or not. Raises ArchiveError."""
        entries = list(TarReader(Pieces(unpacked(chunks, limits)), limits))
        # Whiteouts apply to lower layers only, wherever they are in the archive.
        for entry in entries:
            if entry.whiteout is not None:
                self._remove(_parts(entry.whiteout.path), is_opaque=entry.whiteout.is_opaque)
        for entry in entries:
            if entry.whiteout is None:
                self._add(entry, digest)

    def __iter__(self) -> Iterator[FileEntry]:
        """Yield all entries, each directory before its contents, names in order."""
        left = [self._root]
        while left:
            node = left.pop()
            if node.entry is not None:
                yield node.entry
            left += [node.children[name] for name in sorted(node.children, reverse=True)]

    def find(self, path: str) -> FileEntry | None:
        """Return what a path leads to through symbolic links, or None."""
        parts = self._resolve(_parts(path))
        node = self._node(parts) if parts is not None else None
        return node.entry if node is not None else None

    def _remove(self, parts: list[str], *, is_opaque: bool) -> None:
        parents = self._resolve(parts if is_opaque else parts[:-1])
        parent = self._node(parents) if parents is not None else None
        if parent is None:
            return
        if is_opaque:
            parent.children.clear()
        elif parts:
            parent.children.pop(parts[-1], None)

    def _add(self, entry: Entry, layer: str) -> None:
        parts = _parts(entry.name)
        if not parts:  # The root itself.
            return
        parents = self._resolve(parts[:-1])
        if parents is None:
            raise ArchiveError(
                f"has the path {entry.name!r}, which leads through a circle of links"
            )
        path = "/".join([*parents, parts[-1]])
        made = FileEntry(
            path=path,
            kind=entry.kind,
            size=entry.size,
            mode=entry.mode,
            uid=entry.uid,
            gid=entry.gid,
            mtime=entry.mtime,
            target=entry.target,
            layer=layer,
            offset=entry.offset,
        )
        if entry.kind == "hard link":
            linked = self.find(entry.target)
            made = replace(linked, path=path) if linked is not None else made
        node = self._make(parents)
        before = node.children.get(parts[-1])
        if before is not None and before.is_directory and entry.kind == "directory":
            before.entry = made
        else:
            node.children[parts[-1]] = _Node(made)

    def _make(self, parts: list[str]) -> _Node:
        """Return the directory at a path, which takes the place of anything else."""
        node = self._root
        for part in parts:
            child = node.children.get(part)
            if child is None or not child.is_directory:
                child = node.children[part] = _Node()
            node = child
        return node

    def _node(self, parts: list[str]) -> _Node | None:
        node: _Node | None = self._root
        for part in parts:
            if node is None:
                return None
            node = node.children.get(part)
        return node

    def _resolve(self, parts: list[str]) -> list[str] | None:
        """Return the path without symbolic links; None for a circle of them. Names that are missing stay."""
        found: list[str] = []
        left, links = parts[::-1], 0
        while left:
            part = left.pop()
            if part == "..":
                del found[-1:]
                continue
            node = self._node([*found, part])
            if node is None or node.entry is None or node.entry.kind != "symbolic link":
                found.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            target = node.entry.target
            if target.startswith("/"):
                found = []
            left += [each for each in target.split("/") if each not in ("", ".")][::-1]
        return found


def _parts(path: str) -> list[str]:
    """Return the names in a path of an archive. Raises ArchiveError for one that leads out of the root."""
    parts = [each for each in path.split("/") if each not in ("", ".")]
    if ".." in parts:
        raise ArchiveError(f"has the path {path!r}, which leads out of the image")
    return parts
