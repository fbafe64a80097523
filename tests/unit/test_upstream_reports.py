"""The reports in docs/upstream/: moto still behaves as they say, and the extension as AWS does."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from textwrap import dedent

import pytest

import moto_ecr_ext

ROOT = Path(__file__).parents[2]
REPAIRS = sorted(
    path
    for path in (ROOT / "moto_ecr_ext").glob("integrations/*/repairs/*.py")
    if path.name != "__init__.py"
)
REPORTS = sorted((ROOT / "docs" / "upstream").glob("*.rst"))
SECTIONS = ["What moto does", "What AWS does", "Script", "Proposed fix"]

_SCRIPT = re.compile(r"^\.\. code-block:: python\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
_SECTION = re.compile(r"^(.+)\n-+$", re.MULTILINE)


def script_of(report: Path) -> str:
    """The script of a report, which asserts AWS's behaviour."""
    [script] = _SCRIPT.findall(report.read_text())
    return dedent(script)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_a_report_says_what_is_needed_to_mend_it(report: Path) -> None:
    """Each report has the same sections, and names the seam by an existing path."""
    text = report.read_text()
    assert _SECTION.findall(text) == SECTIONS
    seams = re.findall(r"``(integrations/[\w./]+)``", text)
    assert seams
    assert all((ROOT / "moto_ecr_ext" / each).exists() for each in seams)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_moto_still_differs(stock_moto: None, report: Path) -> None:
    """The script fails with moto alone. If it succeeds, the report and its seam are no longer needed."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - moto's own failures are of many classes
        exec(compile(script_of(report), f"the script of {report.name}", "exec"), {})


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_the_extension_does_what_aws_does(stock_moto: None, report: Path) -> None:
    """The script succeeds while the extension is installed."""
    with moto_ecr_ext.install():
        exec(compile(script_of(report), f"the script of {report.name}", "exec"), {})


@pytest.mark.parametrize("repair", REPAIRS, ids=lambda repair: repair.stem)
def test_a_repair_has_versions_and_a_report(repair: Path) -> None:
    """The docstring of a repair names the versions of moto that need it, and one report names its file."""
    docstring = ast.get_docstring(ast.parse(repair.read_text())) or ""
    assert re.search(r"^Needed by moto \d+\.\d+\.\d+ to \d+\.\d+\.\d+\.$", docstring, re.MULTILINE)
    name = f"``{repair.relative_to(ROOT / 'moto_ecr_ext').as_posix()}``"
    assert [report.name for report in REPORTS if name in report.read_text()] != []
