"""The tests of moto in which moto itself differs from AWS."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_LINE = re.compile(r"(?P<test>\S.*\S)\s+(?P<document>https://(docs\.)?aws\.amazon\.com/\S+)")


@dataclass(frozen=True)
class Difference:
    """A test of moto that fails with the extension, and the AWS document that says it should.

    `reason` is for the owner of a suite that relies on the same: on what, and what to do instead.
    """

    test: str
    reason: str
    document: str


def read_differences(text: str) -> Sequence[Difference]:
    """The differences in `text`, in groups that an empty line ends.

    A group is a comment, which is the reason of all its tests, and the tests, one a line: an id,
    then a document. Comments without tests are for the reader of the file.

    Raises ValueError for a line of another form, a test without a reason and a test listed twice.
    """
    differences: dict[str, Difference] = {}
    reason: list[str] = []
    for line in text.splitlines():
        if not line.strip():
            reason = []
        elif line.startswith("#"):
            reason.append(line.removeprefix("#").strip())
        else:
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise ValueError(f"not a test and an AWS document: {line}")
            test, document = match["test"], match["document"]
            if not reason:
                raise ValueError(f"listed without a reason: {test}")
            if test in differences:
                raise ValueError(f"listed twice: {test}")
            differences[test] = Difference(test, " ".join(reason), document)
    return list(differences.values())
