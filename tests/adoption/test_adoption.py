"""A team's suite, from stock moto to AWS: it passes as it is with `compatibility=moto`, and edited with `aws`.

The suite is of the kind that public projects have: a deploy script with placeholder manifests and digests that are made
up, a cleaner, a gate for scans that counts on moto's finding, and docker's login with moto's constant password. The
programs that it tests are in `project/`, its tests as moto lets them be written in `as_written/`, and the same tests in
`edited/` after the edits that the report names.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = [pytest.mark.once, pytest.mark.slow]

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
PARTS = sorted(path.stem for path in (HERE / "as_written").glob("*.py"))

Run = Callable[..., pytest.RunResult]


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the team's tests in a process, with this plugin alone."""
    for name in ("MOTO_ECR_COMPATIBILITY", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    for path in (HERE / "project").glob("*.py"):
        (pytester.path / path.name).write_text(path.read_text())

    def run(folder: str, *arguments: str, ini: str = "") -> pytest.RunResult:
        pytester.makeini(f"[pytest]\npythonpath = .\n{ini}")
        for part in PARTS:
            text = (HERE / folder / f"{part}.py").read_text()
            (pytester.path / f"test_{part}.py").write_text(text)
        return pytester.runpytest_subprocess("-p", "moto_ecr_ext.pytest_plugin", *arguments)

    return run


def suite_of(folder: str) -> dict[str, str]:
    """The tests of a folder by their ids, each with its source and that of what else its module has."""
    found = {}
    for part in PARTS:
        module = ast.parse((HERE / folder / f"{part}.py").read_text())
        shared = [ast.dump(each) for each in module.body[1:] if not _is_test(each)]
        for each in filter(_is_test, module.body):
            assert isinstance(each, ast.FunctionDef)
            needs = shared if _uses_helpers(each) else []
            found[f"test_{part}.py::{each.name}"] = "".join([ast.dump(each), *needs])
    return found


def _is_test(node: ast.stmt) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.startswith("test_")


def _uses_helpers(test: ast.FunctionDef) -> bool:
    """Return whether a test gets a manifest or an image from a helper of its module."""
    names = {each.id for each in ast.walk(test) if isinstance(each, ast.Name)}
    return bool({"manifest"} & names or {"put", "image"} & {each.arg for each in test.args.args})


def failed(result: pytest.RunResult) -> set[str]:
    return {
        match[1] for line in result.outlines if (match := re.match(r"(?:FAILED|ERROR) (\S+)", line))
    }


def test_there_are_thirty() -> None:
    """The suite has the same thirty tests before and after the edits."""
    assert len(suite_of("as_written")) == 30
    assert suite_of("as_written").keys() == suite_of("edited").keys()


def test_it_passes_on_stock_moto(run: Run) -> None:
    """Without the extension, moto's own ECR answers."""
    run("as_written").assert_outcomes(passed=30)


@pytest.mark.parametrize(
    ("arguments", "ini"),
    [
        pytest.param([], "moto_ecr_ext_compatibility = moto", id="ini"),
        pytest.param(["--moto-ecr-ext-compatibility=moto"], "", id="flag"),
    ],
)
def test_it_passes_with_one_word(run: Run, arguments: list[str], ini: str) -> None:
    """With `compatibility=moto` it passes as it is."""
    run("as_written", *arguments, ini=ini).assert_outcomes(passed=30)


def test_what_the_report_names_is_enough(run: Run) -> None:
    """With the leniencies that the report of a run as moto lists, and no others, the suite passes too."""
    result = run("as_written", "--moto-ecr-ext-compatibility=moto", "--moto-ecr-ext-report")
    (names,) = re.findall("_compatibility = (moto: .*)", result.stdout.str())

    run("as_written", f"--moto-ecr-ext-compatibility={names}").assert_outcomes(passed=30)


def test_what_fails_as_on_aws_is_explained(run: Run) -> None:
    """The report names each kind of failure and the code to write; each failing test is edited."""
    result = run("as_written", "--moto-ecr-ext", "-rfE")

    before, after = suite_of("as_written"), suite_of("edited")
    failing = failed(result)
    assert failing
    assert failing <= {name for name in before if before[name] != after[name]}
    (names,) = re.findall("_compatibility = moto: (.*)", result.stdout.str())
    for name in names.split(", "):
        kind = rf"\n{name}: .*\n  Write: .* AWS: .* https://docs.aws.amazon.com/\S+\n"
        assert re.search(kind, result.stdout.str()), name


def test_it_passes_as_on_aws_after_the_edits(run: Run) -> None:
    """After the edits it passes with `aws`, and AWS to the letter."""
    run("edited", "--moto-ecr-ext").assert_outcomes(passed=30)
    run("edited", "--moto-ecr-ext-compatibility=strict").assert_outcomes(passed=30)
