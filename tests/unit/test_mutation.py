"""The program that mutates the package, `tests/mutation/`: its samples, and a run over a small package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip(
    "cosmic_ray", reason="cosmic-ray makes the mutants: tox.ini, [testenv:mutation]"
)

from mutation.mutants import PACKAGE, sample

pytestmark = [pytest.mark.once, pytest.mark.slow]

# The files of servers whose tests the program runs.
OF_SERVERS = ("browsers", "check", "connections", "metrics", "migrations")
FOLDER = Path(__file__).parents[1] / "mutation"

# Each mutant of the sum gives another sum. No test sees the list, and none calls `more`.
SOURCE = """\
def doubled(number):
    return number + number


def note(notes, text):
    notes.append(text)


def more(number):
    return number + number
"""
TESTS = """\
from moto_ecr_ext.models.numbers import doubled, note


def test_doubled():
    assert doubled(3) == 6


def test_note():
    note([], "text")
"""
KILLED = "models/numbers.py:2:18"
SURVIVED = "models/numbers.py:6:4 RemoveCall"
UNREACHED = "models/numbers.py:10:18"


def test_a_sample_depends_on_its_seed() -> None:
    """The same seed draws the same mutants, each at another place; another seed draws others."""
    drawn = sample(["json_api"], 20, 1)
    assert drawn == sample(["json_api"], 20, 1)
    assert len({(each.path, each.start, each.end) for each in drawn}) == 20
    assert drawn != sample(["json_api"], 20, 2)


def test_a_smaller_sample_is_the_beginning_of_a_larger_one() -> None:
    """A run of few mutants can be continued as one of more."""
    assert sample(["json_api"], 20, 1)[:5] == sample(["json_api"], 5, 1)


def test_a_mutant_is_a_change_of_one_place() -> None:
    """Its source differs from the file in what its difference shows."""
    for each in sample(["json_api"], 20, 1):
        source = each.source()
        assert source is not None
        assert source != (PACKAGE / each.path).read_text()
        assert each.difference()
        assert each.entry().startswith(f"``{each.path}``: ")


@pytest.fixture(autouse=True)
def _without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no process record coverage: the files of the project are gone when it is reported."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project like this one: the program, the package of one module, and its tests."""
    files = {
        "moto_ecr_ext/__init__.py": "",
        "moto_ecr_ext/pytest_plugin.py": "",
        "moto_ecr_ext/models/__init__.py": "",
        "moto_ecr_ext/models/numbers.py": SOURCE,
        "setup.cfg": "[tool:pytest]\naddopts = --import-mode=importlib\n",
        "CONTRIBUTING.rst": "",
        "tests/conftest.py": 'import hypothesis\nhypothesis.settings.register_profile("brief")\n',
        "tests/unit/test_numbers.py": TESTS,
        "tests/aws/test_nothing.py": "",
        "tests/distribution/test_nothing.py": "",
        **{f"tests/server/test_{name}.py": "" for name in OF_SERVERS},
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    shutil.copytree(FOLDER, tmp_path / "tests/mutation")
    return tmp_path


def run(project: Path) -> subprocess.CompletedProcess[str]:
    """Run the program over all mutants of a project."""
    return subprocess.run(
        [sys.executable, "-m", "mutation", str(project / "results"), "--jobs=1", "--seconds=5"],
        cwd=project / "tests",
        env={**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_a_run(project: Path) -> None:
    """It tells the mutants that a test notices from the others, changes no file, and counts equivalents as listed."""
    done = run(project)
    assert done.returncode == 1, done.stderr
    assert "2 are not (66.7% of all)" in done.stdout
    results = json.loads((project / "results/results.json").read_text())
    assert {name.partition(" ")[0]: result for name, result in results.items()} == {
        KILLED: "killed",
        SURVIVED.partition(" ")[0]: "survived",
        UNREACHED: "unreached",
    }
    assert SURVIVED in results
    assert (project / "moto_ecr_ext/models/numbers.py").read_text() == SOURCE

    (project / "CONTRIBUTING.rst").write_text(
        "``models/numbers.py``: without ``notes.append(text)``"
    )
    again = run(project)
    assert "3 mutants: 1 killed, 1 survived, 1 unreached" in again.stdout
    assert "1 are listed as equivalent, 1 are not" in again.stdout
