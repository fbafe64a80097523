"""The tests of moto in which moto itself differs from AWS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from moto_ecr_ext.settings.leniencies import Leniency, leniency_of


@dataclass(frozen=True)
class Difference:
    """A test of moto that fails as AWS has it, and the leniencies with which it passes."""

    test: str
    leniencies: tuple[Leniency, ...]

    @property
    def reason(self) -> str:
        """The behaviour of moto and of AWS, and the code to write instead."""
        return " ".join(
            f"[{each.name}] {each.moto} AWS: {each.aws} {each.instead} {each.page}"
            for each in self.leniencies
        )

    @property
    def compatibility(self) -> str:
        """The value of the setting `compatibility` with which the test passes."""
        return "moto: " + ", ".join(each.name for each in self.leniencies)


def read_differences(text: str) -> Sequence[Difference]:
    """The differences in `text`, in groups that an empty line ends.

    A group is a line with the names of leniencies, and the tests, one a line. Lines that begin with # are for the
    reader of the file.

    Raises ValueError for a name that there is not, a group without tests and a test listed twice.
    """
    differences: dict[str, Difference] = {}
    for group in "\n".join(_without_comments(text)).split("\n\n"):
        names, *tests = group.strip().splitlines() or [""]
        if not names:
            continue
        leniencies = tuple(leniency_of(name.strip()) for name in names.split(","))
        if not tests:
            raise ValueError(f"listed without tests: {names}")
        for test in tests:
            if test in differences:
                raise ValueError(f"listed twice: {test}")
            differences[test] = Difference(test, leniencies)
    return list(differences.values())


def _without_comments(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if not line.startswith("#")]
