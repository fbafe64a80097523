"""The reports in docs/upstream/: moto still does what they say, and the extension does what AWS does."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest

import moto_ecr_ext

ROOT = Path(__file__).parents[2]
REPORTS = sorted((ROOT / "docs" / "upstream").glob("*.rst"))
SECTIONS = ["What moto does", "What AWS does", "Script", "Proposed fix"]

_SCRIPT = re.compile(r"^\.\. code-block:: python\n\n((?:(?:   .*)?\n)+)", re.MULTILINE)
_SECTION = re.compile(r"^(.+)\n-+$", re.MULTILINE)


def script_of(report: Path) -> str:
    """The script of a report, which asserts what AWS does."""
    [script] = _SCRIPT.findall(report.read_text())
    return dedent(script)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_a_report_says_what_is_needed_to_mend_it(report: Path) -> None:
    """Each has the same sections, and names the seam by a path that exists."""
    text = report.read_text()
    assert _SECTION.findall(text) == SECTIONS
    seams = re.findall(r"``(activation/[\w./]+)``", text)
    assert seams
    assert all((ROOT / "moto_ecr_ext" / each).exists() for each in seams)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_moto_still_differs(stock_moto: None, report: Path) -> None:
    """The script fails with moto alone. Where it does not, the report and its seam have done their work."""
    with pytest.raises(Exception):  # noqa: B017, PT011 - moto's own failures are of many classes
        exec(compile(script_of(report), f"the script of {report.name}", "exec"), {})


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.stem)
def test_the_extension_does_what_aws_does(stock_moto: None, report: Path) -> None:
    """The script ends well while the extension is installed."""
    with moto_ecr_ext.install():
        exec(compile(script_of(report), f"the script of {report.name}", "exec"), {})
