"""The files of layers that are applied one after the other."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterator

import pytest

from moto_ecr_ext.oci.archives import ArchiveError, ArchiveLimits
from moto_ecr_ext.oci.filesystem import Filesystem

LIMITS = ArchiveLimits(unpacked=16 * 1024 * 1024)


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def directory(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    made = member(name, tarfile.DIRTYPE)
    made.mode = mode
    return made


def link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, tarfile.SYMTYPE, target)


def hard_link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, tarfile.LNKTYPE, target)


def archive(*members: tarfile.TarInfo | str) -> bytes:
    """A tar archive; a name is a file whose content is the name."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for each in members:
            if isinstance(each, str):
                content = each.encode()
                each = member(each)
                each.size = len(content)
                tar.addfile(each, io.BytesIO(content))
            else:
                tar.addfile(each)
    return file.getvalue()


def pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), 700):
        yield content[start : start + 700]


def applied(*layers: tuple[tarfile.TarInfo | str, ...]) -> Filesystem:
    filesystem = Filesystem()
    for number, members in enumerate(layers):
        filesystem.add_layer(f"layer {number}", pieces(gzip.compress(archive(*members))), LIMITS)
    return filesystem


def shown(filesystem: Filesystem) -> dict[str, str]:
    """Each path with its kind and the number of its layer."""
    return {each.path: f"{each.kind} {each.layer[-1]}" for each in filesystem}


@pytest.mark.parametrize(
    ("layers", "paths"),
    [
        ([("a", "b")], {"a": "file 0", "b": "file 0"}),
        ([("./a", "/b/c")], {"a": "file 0", "b/c": "file 0"}),
        ([("a",), ("a",)], {"a": "file 1"}),
        ([("a", "a")], {"a": "file 0"}),
        ([("a", "d/b"), (".wh.a", "d/.wh.b")], {}),
        ([(directory("d"), "d/a", "d/b"), (".wh.d",)], {}),
        ([("d/a",), (".wh.d", "d/b")], {"d/b": "file 1"}),
        # A whiteout hides lower layers only, wherever it is in the archive.
        ([("a",), ("a", ".wh.a")], {"a": "file 1"}),
        (
            [(directory("d"), "d/a"), ("d/b", "d/.wh..wh..opq")],
            {"d": "directory 0", "d/b": "file 1"},
        ),
        ([("a", "d/b"), (".wh..wh..opq", "c")], {"c": "file 1"}),
        ([("a",), (".wh.missing", "no/.wh.where")], {"a": "file 0"}),
        # A directory replaces a file, and the reverse; a directory keeps what is in it.
        ([("a",), (directory("a"), "a/b")], {"a": "directory 1", "a/b": "file 1"}),
        ([("a",), ("a/b",)], {"a/b": "file 1"}),
        ([(directory("a"), "a/b"), ("a",)], {"a": "file 1"}),
        (
            [(directory("a"), "a/b"), (directory("a", 0o700),)],
            {"a": "directory 1", "a/b": "file 0"},
        ),
        # Parents that are links are followed, within the image.
        (
            [(directory("usr/bin"), link("bin", "usr/bin")), ("bin/sh",)],
            {"bin": "symbolic link 0", "usr/bin": "directory 0", "usr/bin/sh": "file 1"},
        ),
        (
            [(link("d", "../../e"),), ("d/a",)],
            {"d": "symbolic link 0", "e/a": "file 1"},
        ),
        (
            [(link("bin", "/usr/bin"), "usr/bin/sh"), ("bin/.wh.sh",)],
            {"bin": "symbolic link 0"},
        ),
    ],
)
def test_layers(layers: list[tuple[tarfile.TarInfo | str, ...]], paths: dict[str, str]) -> None:
    """The entries of the layers above take the place of those below."""
    assert shown(applied(*layers)) == paths


def test_hard_links() -> None:
    """A hard link is the file that it names, in a lower layer too, and stays if that is removed."""
    filesystem = applied(("a",), (hard_link("b", "a"), hard_link("c", "./b"), ".wh.a"))
    # The whiteout is applied first: the target is gone.
    assert shown(filesystem) == {"b": "hard link 1", "c": "hard link 1"}
    filesystem = applied(("a",), (hard_link("b", "a"), hard_link("c", "./b")), (".wh.a",))
    assert shown(filesystem) == {"b": "file 0", "c": "file 0"}
    first = filesystem.find("b")
    assert first is not None
    assert (first.size, first.path) == (1, "b")


def test_what_a_path_leads_to() -> None:
    """A path is followed through links; a circle leads nowhere."""
    filesystem = applied(
        (
            "usr/lib/os-release",
            link("etc/os-release", "../usr/lib/os-release"),
            link("lib", "usr/lib"),
            link("x", "y"),
            link("y", "x"),
        )
    )
    for path in ("usr/lib/os-release", "/etc/os-release", "lib/os-release", "./lib/os-release"):
        found = filesystem.find(path)
        assert found is not None
        assert found.path == "usr/lib/os-release"
    for path in ("x", "x/y", "absent", "usr/lib/os-release/x", ""):
        assert filesystem.find(path) is None


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        (("../a",), "has the path '../a', which leads out of the image"),
        (("a/../../b",), "has the path 'a/../../b', which leads out of the image"),
        (
            (link("x", "y"), link("y", "x"), "x/a"),
            "has the path 'x/a', which leads through a circle of links",
        ),
    ],
)
def test_refused_paths(members: tuple[tarfile.TarInfo | str, ...], reason: str) -> None:
    """A path that leads out of the image, or nowhere, is refused."""
    with pytest.raises(ArchiveError) as caught:
        applied(members)
    assert str(caught.value) == reason


def test_many_files() -> None:
    """A layer of many files takes linear time."""
    names = tuple(f"d{number % 100}/f{number}" for number in range(2000))
    filesystem = applied(names, tuple(f"d{number}/.wh..wh..opq" for number in range(50)))
    assert len(shown(filesystem)) == 1000
