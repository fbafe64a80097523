"""The tests of moto in which moto itself differs from AWS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

MOST_DIFFERENCES = 5

_LINE = re.compile(r"(?P<test>\S.*\S)\s+(?P<document>https://(docs\.)?aws\.amazon\.com/\S+)")


@dataclass(frozen=True)
class Difference:
    """A test of moto that fails with the extension, and the AWS document that says it should."""

    test: str
    document: str


def read_differences(text: str) -> Sequence[Difference]:
    """The differences in `text`, one a line: a test's id, then a document. `#` starts a comment.

    Raises ValueError for a line of another form, a test listed twice, and more than
    `MOST_DIFFERENCES`.
    """
    differences: dict[str, Difference] = {}
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise ValueError(f"not a test and an AWS document: {line}")
        if match["test"] in differences:
            raise ValueError(f"listed twice: {match['test']}")
        differences[match["test"]] = Difference(match["test"], match["document"])
    if len(differences) > MOST_DIFFERENCES:
        raise ValueError(f"{len(differences)} tests are listed; {MOST_DIFFERENCES} may be")
    return list(differences.values())
