"""Layers: tar archives, built with the same bytes on every Python and machine."""

from __future__ import annotations

import hashlib
import os
import posixpath
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from moto_ecr_ext.oci.archives import ArchiveError, ArchiveLimits, gunzipped

from .values import CHUNK, DOCKER, OCI, Blob, ImageError, Layer, MediaTypes, digest_of

Compression = Literal["gzip", "none"]
# The content of a layer: bytes (or files and directories on disk) by path, or one directory on disk.
Files = Mapping[str, bytes | os.PathLike[str]] | str | os.PathLike[str]
# The largest layer of ECR has 52,000 MiB: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
LIMITS = ArchiveLimits(unpacked=64 * 1024**3)


def build_layer(
    files: Files | None = None,
    *,
    seed: int | str = 0,
    size: int = 1024,
    compression: Compression = "gzip",
    media_types: MediaTypes = OCI,
) -> Layer:
    """Build a layer from `files`, or from one generated file of `size` incompressible bytes.

    `files` maps paths inside the layer to contents, or to a file or directory on disk; it may also be a directory on
    disk itself. Owners and times are zero; files on disk keep their permissions. Parent directories are added. Layers
    are built in memory.
    """
    archive = _tar(_entries(_generated(seed, size) if files is None else files))
    diff_id = digest_of(archive)
    if compression == "none":
        return Layer(archive, media_types.layer_tar, diff_id)
    if compression == "gzip":
        return Layer(_gzip(archive), media_types.layer_gzip, diff_id)
    raise ImageError(f"Compression '{compression}' is not 'gzip' or 'none'.")


def diff_id_of(layer: Blob) -> str:
    """Return the digest of the uncompressed tar archive of `layer`."""
    if isinstance(layer, Layer):
        return layer.diff_id
    if layer.media_type in (OCI.layer_tar, DOCKER.layer_tar):
        return layer.digest
    if layer.media_type not in (OCI.layer_gzip, DOCKER.layer_gzip):
        raise ImageError(f"What {layer!r} compresses is not known.")
    hasher = hashlib.sha256()
    try:
        with layer.open() as compressed:
            for chunk in gunzipped(iter(partial(compressed.read, CHUNK), b""), LIMITS):
                hasher.update(chunk)
    except ArchiveError as error:
        raise ImageError(f"{layer!r} {error}.") from None
    return f"sha256:{hasher.hexdigest()}"


def _generated(seed: int | str, size: int) -> dict[str, bytes]:
    """Return a file of bytes that depend on `seed` alone and do not compress. Raises ImageError for a negative size.

    SHAKE is faster than `random`, and a standard.
    """
    if size < 0:
        raise ImageError(
            f"A layer of {size} bytes cannot be generated: the size cannot be negative."
        )
    block = 1 << 28  # Without OpenSSL, a SHAKE digest must be shorter than 512 MiB.
    content = b"".join(
        hashlib.shake_128(f"{seed}/{start}".encode()).digest(min(block, size - start))
        for start in range(0, size, block)
    )
    return {f"generated/{digest_of(str(seed).encode())[7:19]}": content}


@dataclass(frozen=True)
class _Entry:
    """A member of a tar archive. `kind` is its type flag."""

    kind: bytes
    mode: int
    content: bytes = b""
    target: str = ""


def _entries(files: Files) -> dict[str, _Entry]:
    """Return the members of a layer by name: those in `files`, and their parent directories."""
    if not isinstance(files, Mapping):
        root = Path(files).resolve()
        if not root.is_dir():
            raise ImageError(f"{files} is not a directory.")
        return dict(_entries_on_disk("", root))
    given: dict[str, _Entry] = {}
    for path, content in files.items():
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise ImageError(f"'{path}' is not a path inside a layer.")
        name = "/".join(parts)
        if isinstance(content, bytes):
            given[name] = _Entry(b"0", 0o644, content)
        else:
            given.update(_entries_on_disk(name, Path(content).resolve()))
    parents = {
        name[:end]: _Entry(b"5", 0o755)
        for name in given
        for end, character in enumerate(name)
        if character == "/"
    }
    return {**parents, **given}


def _entries_on_disk(name: str, path: Path) -> Iterator[tuple[str, _Entry]]:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist.") from None
    permissions = stat.S_IMODE(mode)
    if stat.S_ISREG(mode):
        yield name, _Entry(b"0", permissions, path.read_bytes())
    elif stat.S_ISLNK(mode):
        yield name, _Entry(b"2", 0o777, target=os.readlink(path))
    elif stat.S_ISDIR(mode):
        if name:
            yield name, _Entry(b"5", permissions)
        for child in path.iterdir():
            yield from _entries_on_disk(posixpath.join(name, child.name), child)
    else:
        raise ImageError(f"{path} is not a file, a directory or a symbolic link.")


def _tar(entries: Mapping[str, _Entry]) -> bytes:
    """Return a POSIX tar archive of `entries`, sorted by name.

    It is written here, since the headers of `tarfile` have changed between Python versions.
    """
    pieces: list[bytes] = []
    for name, entry in sorted(entries.items()):
        path = _path_bytes(name) + (b"/" if entry.kind == b"5" else b"")
        target = _path_bytes(entry.target)
        extended = b"".join(
            _pax_record(keyword, value)
            for keyword, value in ((b"path", path), (b"linkpath", target))
            if len(value) > 100 or not value.isascii()
        )
        if extended:
            header = _tar_header(b"pax/" + path[:90], b"x", 0o644, len(extended))
            pieces += [header, extended, _padding(len(extended))]
        size = len(entry.content)
        pieces += [_tar_header(path, entry.kind, entry.mode, size, target), entry.content]
        pieces.append(_padding(size))
    pieces.append(bytes(1024))
    return b"".join(pieces)


def _tar_header(path: bytes, kind: bytes, mode: int, size: int, target: bytes = b"") -> bytes:
    zero = b"0000000\0"
    octal_mode, octal_size = b"%07o\0" % mode, b"%011o\0" % size
    header = struct.pack(
        "100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x",
        *(path, octal_mode, zero, zero, octal_size, b"%011o\0" % 0, b" " * 8, kind, target),
        *(b"ustar\0", b"00", b"", b"", zero, zero, b""),
    )
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _pax_record(keyword: bytes, value: bytes) -> bytes:
    """Return `<length> <keyword>=<value>`, in which the length counts its own digits."""
    rest = b" %s=%s\n" % (keyword, value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def _path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return bytes(-size % 512)


def _gzip(content: bytes) -> bytes:
    """Return `content` as a gzip file (RFC 1952) of stored blocks.

    It is not compressed: the output of zlib depends on its version. The header has no time and no operating system.
    """
    view = memoryview(content)
    pieces: list[bytes | memoryview] = [b"\x1f\x8b\x08\0" + bytes(4) + b"\0\xff"]
    for start in range(0, len(view), 0xFFFF):
        block = view[start : start + 0xFFFF]
        is_last = start + len(block) == len(view)
        pieces += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    pieces.append(struct.pack("<II", zlib.crc32(view), len(view) & 0xFFFFFFFF))
    return b"".join(pieces)
