"""The files of a layer on the web page: of any bytes, within limits."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import pytest

from moto_ecr_ext.page.files import MOST_FILES, list_files

NOT_AN_ARCHIVE = "is not a tar archive, or is damaged: "


def archive(*members: tarfile.TarInfo | str, content: bytes = b"") -> bytes:
    """A tar archive of entries, those that are given by name with a content."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for each in members:
            member = tarfile.TarInfo(each) if isinstance(each, str) else each
            if isinstance(each, str):
                member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    """The bytes, a few at a time."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def paths(content: bytes, search: str = "") -> list[str]:
    """The paths of all files of a layer."""
    listing = list_files(pieces(content), search)
    assert listing.cut is None
    return [each.path for each in listing.files]


def test_files_of_any_size_are_listed() -> None:
    """Files of any size are listed, plain and compressed, also in several members of gzip."""
    plain = archive("a", "b/c", content=b"x" * 70_000)
    middle = len(plain) // 2
    for content in (
        plain,
        gzip.compress(plain),
        gzip.compress(plain[:middle]) + gzip.compress(plain[middle:]),
    ):
        assert paths(content) == ["a", "b/c"]
        assert paths(content, "B/") == ["b/c"]
    assert list_files(pieces(plain)).size == 140_000


def zstd() -> ModuleType | None:
    """The module that compresses with zstd, if there is one."""
    for name in ("compression.zstd", "backports.zstd"):
        try:
            return import_module(name)
        except ImportError:
            continue
    return None


def test_zstd() -> None:
    """A layer in zstd is read if Python can; otherwise the page names what is missing."""
    module = zstd()
    if module is None:
        listing = list_files(pieces(b"\x28\xb5\x2f\xfd" + bytes(100)))
        assert listing.files == []
        assert "pip install backports.zstd" in str(listing.cut)
        return
    plain = archive("a", "b/c", content=b"x" * 700_000)
    assert paths(module.compress(plain)) == ["a", "b/c"]


def test_removals_and_links() -> None:
    """A whiteout is listed as a removal, and a link with its target."""
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "to"
    listing = list_files(pieces(archive(".wh.top", "dir/.wh.old", "dir/.wh..wh..opq", link)))
    assert [(each.path, each.kind, each.target) for each in listing.files] == [
        ("top", "removed", ""),
        ("dir/old", "removed", ""),
        ("dir", "emptied", ""),
        ("link", "symbolic link", "to"),
    ]
    assert listing.removed == 3


def test_names_need_not_be_text() -> None:
    """Bytes that are not UTF-8 are replaced, so that the page can be sent."""
    info = tarfile.TarInfo("name-X")
    header = info.tobuf(tarfile.GNU_FORMAT).replace(b"name-X", b"name-\xff")
    checked = header[:148] + b" " * 8 + header[156:]
    header = checked[:148] + b"%06o\0 " % sum(checked) + checked[156:]
    assert paths(header + bytes(1024)) == ["name-\N{REPLACEMENT CHARACTER}"]


def header(name: str, kind: bytes, content: bytes) -> bytes:
    """A header about the next one, with its content."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.GNU_FORMAT) + content.ljust(512, b"\0")


@pytest.mark.parametrize(
    "content",
    [
        header("long", tarfile.GNUTYPE_LONGNAME, b"name\0") * 3000,
        header("extended", tarfile.XHDTYPE, b"11 path=a/\n") * 3000,
        header("extended", tarfile.XHDTYPE, b"410 size=" + b"9" * 400 + b"\n")
        + tarfile.TarInfo("file").tobuf(tarfile.GNU_FORMAT),
    ],
    ids=["thousands of long names", "thousands of extended headers", "a size of 400 digits"],
)
def test_malformed_headers(content: bytes) -> None:
    """Malformed headers end the listing without a failure."""
    listing = list_files(pieces(content))
    assert listing.files == []
    assert NOT_AN_ARCHIVE in str(listing.cut)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\x1f\x8b",
        b"\x1f\x8b" + bytes(100),
        gzip.compress(b"text" * 1000),
        b"x" * 5000,
    ],
    ids=["nothing", "JSON", "a beginning", "no gzip", "text", "text of a block"],
)
def test_bytes_that_are_no_archive(content: bytes) -> None:
    """Bytes that are no archive have no files, and a sentence with the reason."""
    listing = list_files(pieces(content))
    assert listing.files == []
    assert NOT_AN_ARCHIVE in str(listing.cut) or "is a damaged gzip file: " in str(listing.cut)


def test_what_ends_early() -> None:
    """The files before the end are listed."""
    compressed = gzip.compress(archive("a", "b", content=bytes(range(256)) * 500))
    listing = list_files(pieces(compressed[:400]))
    assert [each.path for each in listing.files] == ["a"]
    assert listing.cut == "The list ends here. The layer is a damaged gzip file: it ends early."


def test_there_is_a_limit_of_files() -> None:
    """All files are counted, and the first are listed."""
    listing = list_files(pieces(archive(*(f"{number}" for number in range(MOST_FILES + 10)))))
    assert (len(listing.files), listing.number) == (MOST_FILES, MOST_FILES + 10)
    assert listing.cut == f"The first {MOST_FILES} entries are shown."


def test_there_is_a_limit_of_text() -> None:
    """Long names are shortened, and the page stays small; all entries are counted."""
    names = [f"{number:04}" + "n" * 3000 for number in range(1500)]
    listing = list_files(pieces(archive(*names)))
    assert listing.number == 1500
    assert {len(each.path) for each in listing.files} == {1025}
    assert listing.files[0].path == names[0][:1024] + "…"
    assert sum(len(each.path) for each in listing.files) <= 512 * 1024
    assert listing.cut == f"The first {len(listing.files)} entries are shown."


@pytest.mark.parametrize(
    "content",
    [
        # tarfile reads this for minutes: a regular expression of it backtracks.
        gzip.compress(header("extended", tarfile.XHDTYPE, b"1" * 500_000)),
        gzip.compress(b"") * 2_000_000,
        gzip.compress(header("extended", tarfile.XHDTYPE, b"12 path=abc\n" * 10_000_000)),
        gzip.compress(header("long", tarfile.GNUTYPE_LONGNAME, b"n" * 120_000_000)),
    ],
    ids=["digits", "members", "a large header", "a long name"],
)
def test_a_layer_that_takes_long(content: bytes) -> None:
    """The list ends within its time, and leaves out entries that are too large."""
    begun = time.monotonic()
    listing = list_files(pieces(content, 1_000_000))
    assert time.monotonic() - begun < 10
    assert listing.files == []
    assert str(listing.cut).startswith("The list ends here. The layer ")


def test_there_is_a_limit_of_bytes() -> None:
    """A little gzip that decompresses to much is not read to its end."""
    whole = tarfile.TarInfo("zeros")
    whole.size = 1 << 40
    content = gzip.compress(whole.tobuf() + bytes(300_000_000), compresslevel=1)
    given = 0

    def counted() -> Iterator[bytes]:
        nonlocal given
        for piece in pieces(content):
            given += len(piece)
            yield piece

    listing = list_files(counted())
    assert listing.cut == "The list ends here. The layer unpacks to more than 134,217,728 bytes."
    assert given < len(content) * 0.6
