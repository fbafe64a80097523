"""The versions in requirements/, and the ranges in setup.cfg that they are taken from."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest

packaging_requirements = pytest.importorskip(
    "packaging.requirements", reason="packaging is not installed"
)

ROOT = Path(__file__).parents[2]
# Of tests and tools, which only this repository installs.
OWN_EXTRAS = {"test", "dev"}
NAME = "moto-ecr-ext"


def lines(text: str) -> list[str]:
    """The lines that have a requirement."""
    return [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]


def ranges(*, for_users: bool = False) -> list[packaging_requirements.Requirement]:
    """The requirements of setup.cfg."""
    configuration = configparser.ConfigParser()
    configuration.read(ROOT / "setup.cfg")
    texts = [configuration["options"]["install_requires"]]
    for extra, text in configuration["options.extras_require"].items():
        if not for_users or extra not in OWN_EXTRAS:
            texts.append(text)
    found = [packaging_requirements.Requirement(line) for text in texts for line in lines(text)]
    return [each for each in found if each.name != NAME]


def pins(name: str) -> dict[str, set[str]]:
    """The versions that a file has for each package: several if they depend on Python's version."""
    found: dict[str, set[str]] = {}
    for line in lines((ROOT / "requirements" / name).read_text()):
        requirement = packaging_requirements.Requirement(line)
        assert str(requirement.specifier).startswith("=="), line
        version = str(requirement.specifier).removeprefix("==")
        found.setdefault(requirement.name.lower(), set()).add(version)
    return found


@pytest.mark.parametrize("requirement", ranges(for_users=True), ids=str)
def test_the_oldest_version_is_tested(requirement: packaging_requirements.Requirement) -> None:
    """Users have lower bounds only, each the version that the oldest environments install."""
    assert {each.operator for each in requirement.specifier} == {">="}
    [oldest] = [each.version for each in requirement.specifier]
    assert pins("oldest.txt")[requirement.name.lower()] == {oldest}


@pytest.mark.parametrize("requirement", ranges(), ids=str)
def test_the_newest_versions_are_in_range(requirement: packaging_requirements.Requirement) -> None:
    """`tox -e renew` was run after setup.cfg was changed."""
    for version in pins("newest.txt")[requirement.name.lower()]:
        assert version in requirement.specifier


@pytest.mark.parametrize("name", ["docs.txt", "newest.txt", "oldest.txt", "sam.txt"])
def test_all_versions_are_exact(name: str) -> None:
    """A file of constraints has no ranges."""
    assert pins(name)
