"""The check of messages of commits, `.ci/check_subjects.py`."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

faults = runpy.run_path(str(Path(__file__).parents[2] / ".ci" / "check_subjects.py"))["faults"]

BODY = "\n\nThe reason.\n"


@pytest.mark.parametrize(
    "message",
    [
        f"tests: forbid imports that go up{BODY}",
        "docs: mend a typo",
        "Merge branch 'one'",
        f"tests: embed a font{BODY}# A comment of git's, with a ; in it.",
    ],
)
def test_a_good_message(message: str) -> None:
    """A message that keeps the rule has no fault."""
    assert faults(message) == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (f"forbid imports{BODY}", "area"),
        (f"tests: quotas of tags; tokens: partitions{BODY}", "more than one idea"),
        (f"tests: mend one, and lose another{BODY}", "more than one idea"),
        (f"tests: added a file{BODY}", "no imperative"),
        (f"tests: the other file{BODY}", "no imperative"),
        (f"tests: mend {'x' * 80}{BODY}", "characters"),
        ("tests: forbid imports", "no reason"),
        ("tests: forbid imports\nThe reason.", "empty line"),
    ],
)
def test_a_bad_message(message: str, fault: str) -> None:
    """Each breach of the rule is named."""
    assert any(fault in each for each in faults(message))
