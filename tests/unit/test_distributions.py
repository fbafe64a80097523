"""The files of the source distribution and of the wheel: exactly those of the repository that belong there."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from textwrap import dedent

import pytest

from moto_ecr_ext import __version__

ROOT = Path(__file__).parents[2]
NAME = f"moto_ecr_ext-{__version__}"
# A build by the installed setuptools, since one in isolation would download another.
BUILD = """\
    import sys
    from setuptools import build_meta

    print(getattr(build_meta, sys.argv[1])(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The paths of all files of the repository."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed, which lists the files of the repository")
    listed = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False
    )
    if listed.returncode or "setup.cfg" not in listed.stdout.split("\0"):
        pytest.skip(f"this is no repository of the sources: {listed.stderr}")
    paths = {path for path in listed.stdout.split("\0") if path}
    return {path for path in paths if (ROOT / path).is_file()}


def build(kind: str, source: Path, place: Path) -> Path:
    """Build `sdist` or `wheel` of a source, and return its path."""
    place.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", dedent(BUILD), f"build_{kind}", str(place)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return place / ended.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked, of a copy in which people have worked."""
    pytest.importorskip("setuptools", reason="setuptools is not installed, which builds both")
    directory = tmp_path_factory.mktemp("distributions")
    left_behind = [
        "build/lib/moto_ecr_ext/removed.py",
        "dist/moto_ecr_ext-0.0.1.tar.gz",
        "moto_ecr_ext/__pycache__/removed.cpython-310.pyc",
        "tests/unit/__pycache__/removed.cpython-310.pyc",
        ".tox/py313/lib/removed.py",
        "notes.txt",
    ]
    for path in [*tracked, *left_behind]:
        copy = directory / "repository" / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path in tracked:
            shutil.copy(ROOT / path, copy)
        else:
            copy.touch()
    archive = build("sdist", directory / "repository", directory / "sdist")
    assert archive.name == f"{NAME}.tar.gz"
    with tarfile.open(archive) as opened:
        opened.extractall(directory / "unpacked", filter="data")
    (unpacked,) = (directory / "unpacked").iterdir()
    assert unpacked.name == NAME
    return unpacked


@pytest.fixture(scope="module")
def contained_in_sdist(sdist: Path) -> set[str]:
    """The paths of its files, which a build of a wheel adds to."""
    return {str(path.relative_to(sdist)) for path in sdist.rglob("*") if path.is_file()}


def test_the_source_distribution_is_the_repository(
    tracked: set[str], contained_in_sdist: set[str]
) -> None:
    """The source distribution has all files to build, test and check the package, and those of setuptools."""
    written = {"PKG-INFO", *(path for path in contained_in_sdist if ".egg-info/" in path)}
    assert {path.split("/")[0] for path in written} == {"PKG-INFO", "moto_ecr_ext.egg-info"}
    assert contained_in_sdist - written == tracked - {".gitignore"}


def test_the_wheel_is_the_package(
    tracked: set[str], contained_in_sdist: set[str], sdist: Path, tmp_path: Path
) -> None:
    """The wheel has the modules, the web page, the marker of its types and the licence, and nothing of tests or old
    builds.
    """
    package = {path for path in tracked if path.startswith("moto_ecr_ext/")}
    modules = {path for path in package if path.endswith(".py")}
    of_page = {path for path in package if path.startswith("moto_ecr_ext/page/")}
    assert package - modules - of_page == {"moto_ecr_ext/py.typed"}
    assert package < contained_in_sdist

    wheel = build("wheel", sdist, tmp_path / "wheel")

    assert wheel.name == f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as opened:
        contained = set(opened.namelist())
        licence = opened.read(f"{NAME}.dist-info/licenses/LICENSE")
    about = ["METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE", "top_level.txt"]
    assert contained == {*package, *(f"{NAME}.dist-info/{each}" for each in about)}
    assert licence == (ROOT / "LICENSE").read_bytes()


def test_a_wheel_has_nothing_of_an_earlier_build(
    tracked: set[str], sdist: Path, tmp_path: Path
) -> None:
    """`pip install .` in a clone leaves out modules that only an earlier build has."""
    removed = sdist / "build/lib/moto_ecr_ext/removed.py"
    removed.parent.mkdir(parents=True, exist_ok=True)
    removed.touch()

    wheel = build("wheel", sdist, tmp_path / "wheel")

    with zipfile.ZipFile(wheel) as opened:
        modules = {name for name in opened.namelist() if name.endswith(".py")}
    assert modules == {
        path for path in tracked if path.startswith("moto_ecr_ext/") and path.endswith(".py")
    }


def test_the_metadata_says_what_is_true(sdist: Path) -> None:
    """The metadata has the version of the package, and the oldest Python and moto that it runs with."""
    metadata = email.message_from_string((sdist / "PKG-INFO").read_text())

    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.10"
    assert "moto>=5.1.20" in metadata.get_all("Requires-Dist", [])
    assert set(metadata.get_all("Provides-Extra", [])) == {
        *("all", "dev", "docker", "postgresql", "proxy", "sam", "server", "test")
    }
