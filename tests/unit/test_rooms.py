"""The rooms of the package: the rest works without each of them."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

import moto_ecr_ext
from moto_ecr_ext import server
from moto_ecr_ext.seams.rooms import ROOMS
from support.commands import environment, running_server

PACKAGE = Path(moto_ecr_ext.__file__).parent
TESTS = Path(__file__).parents[1]

# Tests of the core: images in both protocols; and more of them, and who may do what.
_BOTH_PROTOCOLS = ("distribution/test_both_protocols.py",)
_TESTS_OF_THE_CORE = (
    *_BOTH_PROTOCOLS,
    "aws/test_put_image.py",
    "aws/test_batch_get_image.py",
    "aws/test_describe_images.py",
    "distribution/test_uploads.py",
)
# pytest, which must have tested the package in the folder that is its first argument.
_PYTEST = """
import sys
import pytest

status = pytest.main(sys.argv[2:])
assert sys.modules["moto_ecr_ext"].__file__.startswith(sys.argv[1])
sys.exit(status)
"""


@pytest.fixture(autouse=True)
def _without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no process record coverage: the files of the copies are gone when it is reported."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture(scope="module", params=ROOMS)
def without(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package, for PYTHONPATH, without a room."""
    return copy_without([request.param], tmp_path_factory.mktemp("without"))


def copy_without(rooms: Iterable[str], path: Path) -> Path:
    """Copy the package to a folder, without the folders of rooms and without their lines in the list of rooms."""
    # Compiled modules too, but not those that are being written.
    ignored = shutil.ignore_patterns("*.pyc.*")
    package = Path(shutil.copytree(PACKAGE, path / PACKAGE.name, ignore=ignored))
    listed = package / "seams" / "rooms.py"
    text = listed.read_text(encoding="utf-8")
    for room in rooms:
        shutil.rmtree(package.joinpath(*room.split(".")))
        line = f'    "{room}",\n'
        assert text.count(line) == 1
        text = text.replace(line, "")
    listed.write_text(text, encoding="utf-8")
    return path


def passed(copy: Path, tests: Iterable[str]) -> int:
    """Run tests of the test process on a copy of the package. Return how many there are; all pass."""
    options = ("-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", "-k", "in_process")
    configuration = ("-c", str(TESTS.parent / "setup.cfg"))
    ran = subprocess.run(
        [sys.executable, "-c", _PYTEST, str(copy), *configuration, *options]
        + [str(TESTS / each) for each in tests],
        cwd=copy,
        env=environment(PYTHONPATH=str(copy)),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    [count] = re.findall(r"(\d+) passed", ran.stdout)
    return int(count)


@pytest.mark.parametrize("room", ROOMS)
def test_every_seam_of_a_room_is_there(room: str) -> None:
    """Each seam is a function of a module in the room's folder."""
    package = f"moto_ecr_ext.{room}"
    seams = importlib.import_module(package).SEAMS
    assert seams
    for _, name in seams:
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"{package}.{module}"), function))


def test_every_room_is_in_the_list() -> None:
    """The list has each folder with seams."""
    found = {
        ".".join(each.parent.relative_to(PACKAGE).parts)
        for each in PACKAGE.rglob("__init__.py")
        if re.search("^SEAMS = ", each.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert found == set(ROOMS)


@pytest.mark.once
@pytest.mark.slow
def test_the_core_works_without_a_room(without: Path) -> None:
    """Each room can be missing: images are pushed and pulled in both protocols."""
    assert passed(without, _BOTH_PROTOCOLS) > 20


@pytest.mark.once
@pytest.mark.slow
def test_the_core_works_without_any_room(tmp_path: Path) -> None:
    """All rooms can be missing at once, and the folder of what they share: the core passes its tests."""
    copy = copy_without(ROOMS, tmp_path)
    shutil.rmtree(copy / PACKAGE.name / "integrations")
    assert passed(copy, _TESTS_OF_THE_CORE) > 200


@pytest.mark.once
@pytest.mark.slow
@pytest.mark.parametrize("without", [room for room in ROOMS if room != "server"], indirect=True)
def test_the_server_starts_without_a_room(without: Path) -> None:
    """`moto_ecr_server` serves both protocols."""
    with running_server(PYTHONPATH=str(without)) as server:
        ecr = server.client()
        ecr.create_repository(repositoryName="app")
        assert server.registry("GET", "/v2/app/tags/list").status_code == 200


def test_the_largest_room_says_where_to_look() -> None:
    """The docstring of server/ names each of its entries, as files in a list do."""
    docstring = server.__doc__ or ""
    entries = {each.stem for each in (PACKAGE / "server").iterdir()} - {"__init__", "__pycache__"}
    assert {each for each in entries if not re.search(rf"`{each}/?`", docstring)} == set()
