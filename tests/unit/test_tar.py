"""Archives of any origin: their entries, and the limits of reading them."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from moto_ecr_ext.oci.archives import ArchiveError, ArchiveLimits, LimitReached, gunzip, unpacked
from moto_ecr_ext.oci.tar import Entry, Pieces, SeekableSource, TarReader, Whiteout
from support.hanging import not_hanging

MIB = 1024 * 1024
LIMITS = ArchiveLimits(unpacked=64 * MIB, seconds=10)

KINDS = {
    tarfile.REGTYPE: "file",
    tarfile.DIRTYPE: "directory",
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "character device",
    tarfile.BLKTYPE: "block device",
    tarfile.FIFOTYPE: "pipe",
}
FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def pieces(content: bytes, size: int = 1000) -> Iterator[bytes]:
    """The bytes, a few at a time."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def entries_of(content: bytes, limits: ArchiveLimits = LIMITS) -> list[tuple[Entry, bytes]]:
    """All entries, each with its content."""
    reader = TarReader(Pieces(unpacked(pieces(content), limits)), limits)
    return [(entry, b"".join(reader.content())) for entry in reader]


def name_of(chance: random.Random, longest: int) -> str:
    """A path of any length and characters."""
    length = chance.choice([1, 20, 99, 100, 101, 155, longest])
    return "".join(chance.choices("abcé€/.-_ 𝄞", k=min(length, longest))).strip("/") or "x"


def archive_of(chance: random.Random, form: int) -> bytes:
    """A well-formed archive of any entries."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form, encoding="utf-8") as tar:
        for _ in range(chance.randrange(12)):
            is_short = form == tarfile.USTAR_FORMAT
            info = tarfile.TarInfo(name_of(chance, 20 if is_short else 700))
            info.type = chance.choice(list(KINDS))
            if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE):
                info.linkname = name_of(chance, 20 if is_short else 700)
            info.mode = chance.randrange(0o10000)
            most = 2**21 if is_short else 2**40
            info.uid, info.gid = chance.randrange(most), chance.randrange(most)
            info.mtime = chance.randrange(2**33)
            if info.type == tarfile.REGTYPE:
                info.size = chance.choice([0, 1, 511, 512, 513, 5000])
            tar.addfile(info, io.BytesIO(chance.randbytes(info.size)))
    return file.getvalue()


def fields(each: Entry) -> tuple[object, ...]:
    """The facts of an entry that both readers have."""
    numbers = (each.size, each.mode, each.uid, each.gid, each.mtime)
    return each.name, each.kind, *numbers, each.target


def as_tarfile_reads(content: bytes) -> list[tuple[object, ...]]:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        return [
            (
                each.name.rstrip("/"),
                KINDS[each.type],
                each.size,
                each.mode,
                each.uid,
                each.gid,
                each.mtime,
                each.linkname,
                tar.extractfile(each).read() if each.isreg() else b"",  # type: ignore[union-attr]
            )
            for each in tar
        ]


@pytest.mark.parametrize("seed", range(60))
def test_entries_are_those_of_tarfile(seed: int, tmp_path: Path) -> None:
    """Entries of well-formed archives in all formats are those of tarfile, in pieces and as a file."""
    chance = random.Random(seed)
    content = archive_of(chance, FORMATS[seed % 3])
    expected = as_tarfile_reads(content)
    found = entries_of(chance.choice([bytes, gzip.compress])(content))
    assert [(*fields(each), data) for each, data in found] == expected
    (tmp_path / "archive.tar").write_bytes(content)
    with (tmp_path / "archive.tar").open("rb") as file:
        assert list(TarReader(SeekableSource(file), LIMITS)) == [each for each, _ in found]
    for each, data in found:
        assert content[each.offset : each.offset + each.stored] == data


@pytest.mark.parametrize("seed", range(150))
def test_damage_stays_within_the_limits(seed: int) -> None:
    """Any damage ends in an error or in entries, soon, and in little memory."""
    chance = random.Random(seed)
    content = bytearray(archive_of(chance, FORMATS[seed % 3]))
    for _ in range(chance.randrange(1, 20)):
        at = chance.randrange(len(content))
        if chance.random() < 0.5:
            content[at] = chance.randrange(256)
        else:
            # Digits that claim other sizes and lengths.
            end = at + chance.randrange(1, 12)
            content[at:end] = bytes(chance.choices(b"0123456789 =\n\0\xff", k=end - at))
        if chance.random() < 0.7:
            start = at - at % 512
            with_sum(content, start)
    if seed % 2:
        content = bytearray(gzip.compress(bytes(content)))
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    tracemalloc.start()
    try:
        with not_hanging(), suppress(ArchiveError):
            entries_of(bytes(content), ArchiveLimits(unpacked=MIB, header=64 * 1024, seconds=10))
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * MIB


def with_sum(content: bytearray, start: int) -> None:
    """Give the header at a position a right checksum."""
    if len(content) >= start + 512:
        content[start + 148 : start + 156] = b" " * 8
        content[start + 148 : start + 156] = b"%06o\0 " % sum(content[start : start + 512])


def header(kind: bytes, content: bytes, name: str = "header") -> bytes:
    """A header, with its content."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, len(content)
    return info.tobuf(tarfile.GNU_FORMAT) + content + bytes(-len(content) % 512)


def entry(name: str = "file") -> bytes:
    return tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT)


def long_record(size: int) -> bytes:
    """A record of an extended header with a path of so many bytes."""
    rest = len(" path=\n") + size
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d path=%s\n" % (length, b"a" * size)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        # Regular expressions of tarfile's backtrack in these two, for half a minute and for more than two.
        (lambda: header(b"x", b"1" * 20_000), "malformed"),
        (lambda: header(b"x", (b"1" * 300 + b" ") * 100), "malformed"),
        (lambda: header(b"x", long_record(60 * MIB)), "headers of more than 1,048,576 bytes"),
        (lambda: header(b"L", b"a" * 60 * MIB), "headers of more than 1,048,576 bytes"),
        (lambda: header(b"K", b"a" * 5000) + entry(), "a name of more than 4,096 bytes"),
        (lambda: header(b"x", long_record(5000)) + entry(), "a name of more than 4,096 bytes"),
        (lambda: header(b"L", b"a\0") * 100_000, "too many headers"),
        (lambda: entry() * 6_000, "more than 5,000 entries"),
        (lambda: header(b"x", b"18 size=1234567x\n\n") + entry(), "malformed"),
        (lambda: header(b"x", b"17 size=-1234567\n") + entry(), "a size that no file has"),
        (lambda: header(b"x", b"410 size=" + b"9" * 400 + b"\n") + entry(), "malformed number"),
        (lambda: entry("sparse")[:156] + b"S" + bytes(355), "wrong checksum"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_malformed_archives(
    make: Callable[[], bytes], message: str, pack: Callable[[bytes], bytes]
) -> None:
    """A malformed archive is refused before anything parses it, soon and in little memory."""
    content = pack(make())
    limits = ArchiveLimits(unpacked=128 * MIB, entries=5_000, seconds=60)
    tracemalloc.start()
    try:
        with not_hanging(), pytest.raises(ArchiveError, match=message):
            for _ in TarReader(Pieces(unpacked(pieces(content, MIB), limits)), limits):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * MIB


def test_thousands_of_tiny_members() -> None:
    """40 MB of gzip members without content end at their limit."""
    member = gzip.compress(b"")
    content = member * (40_000_000 // len(member))
    with not_hanging(), pytest.raises(LimitReached, match="more than 100,000 compressed members"):
        entries_of(content, ArchiveLimits(unpacked=MIB))


def test_time_is_limited_while_nothing_is_unpacked() -> None:
    """Members without content are checked for time, too."""
    member = gzip.compress(b"")
    with pytest.raises(LimitReached, match="takes more than 0 seconds"):
        entries_of(member * 1000, ArchiveLimits(unpacked=MIB, seconds=0))


def test_a_document_that_unpacks_to_much() -> None:
    """A few bytes that become many are refused within the limit."""
    content = gzip.compress(bytes(50 * MIB))
    assert gunzip(content, 50 * MIB) == bytes(50 * MIB)
    tracemalloc.start()
    try:
        with pytest.raises(LimitReached, match="unpacks to more than 1,048,576 bytes"):
            gunzip(content, MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MIB


def test_gzip_may_be_padded() -> None:
    """Zeros may follow a member, as tape blocks have them; other bytes may not."""
    assert gunzip(gzip.compress(b"a") + bytes(1000), MIB) == b"a"
    with pytest.raises(ArchiveError, match="is a damaged gzip file"):
        gunzip(gzip.compress(b"a") + b"bytes", MIB)


def test_old_sparse_files() -> None:
    """An entry of GNU's first sparse format has the file's size, and the following entries are found."""
    block = bytearray(header(b"S", b"", "sparse"))
    block[124:136] = b"%011o\0" % 512
    block[482] = 1
    block[483:495] = b"%011o\0" % 10_000
    with_sum(block, 0)
    content = bytes(block) + bytes(512) + b"x" * 512 + entry("next")
    reader = TarReader(Pieces([content]), LIMITS)
    found = []
    for each in reader:
        found.append((each.name, each.size, each.stored, each.is_sparse))
        if each.is_sparse:
            with pytest.raises(ArchiveError, match="sparse file 'sparse'"):
                list(reader.content())
    assert found == [("sparse", 10_000, 512, True), ("next", 0, 0, False)]


def test_global_headers() -> None:
    """Global headers apply to all entries that follow, unless these override them."""
    content = (
        header(b"g", b"10 uid=77\n")
        + entry("one")
        + header(b"x", b"10 uid=88\n")
        + entry("two")
        + entry("three")
    )
    assert [(each.name, each.uid) for each, _ in entries_of(content)] == [
        ("one", 77),
        ("two", 88),
        ("three", 77),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a", None),
        (".wh.a", Whiteout("a", False)),
        ("dir/.wh.a", Whiteout("dir/a", False)),
        ("dir/.wh..wh..opq", Whiteout("dir", True)),
        (".wh..wh..opq", Whiteout("/", True)),
    ],
)
def test_whiteouts(name: str, expected: Whiteout | None) -> None:
    """Removals are recognized by the names of their files."""
    ((found, _),) = entries_of(entry(name))
    assert found.whiteout == expected
