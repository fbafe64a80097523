"""The numbers of operations and of invalid requests in the pages are those of botocore's model."""

from __future__ import annotations

import os
import re
from pathlib import Path

import botocore
import pytest

from moto_ecr_ext import service_model
from support.model_variants import variants

ROOT = Path(__file__).parents[2]

# Each page with the sentence that has the number of operations.
SENTENCES = {
    "README.rst": r"All (\d+) operations",
    "CHANGES.rst": r"All (\d+) operations",
    "docs/comparison.rst": r"all (\d+) of botocore (?P<version>\S+)",
    "docs/explanation/fidelity.rst": (
        r"With botocore (?P<version>\S+) these are (\d+) operations and (?P<invalid>\d+) invalid"
    ),
}


def found_in(page: str) -> re.Match[str]:
    """The sentence of a page, which may go over several lines."""
    text = " ".join((ROOT / page).read_text(encoding="utf-8").replace("*", "").split())
    found = re.search(SENTENCES[page], text)
    assert found, f"{page} has no sentence like {SENTENCES[page]!r}"
    return found


def number_of_operations(found: re.Match[str]) -> int:
    return next(int(each) for each in found.groups() if each and each.isdecimal())


FIDELITY = found_in("docs/explanation/fidelity.rst")
if_it_is_installed = pytest.mark.skipif(
    FIDELITY["version"] != botocore.__version__ or "AWS_DATA_PATH" in os.environ,
    reason=f"the pages count with the model of botocore {FIDELITY['version']}",
)


@pytest.mark.parametrize("page", SENTENCES)
def test_pages_agree(page: str) -> None:
    """Each page has the same number of operations, of the same version of botocore."""
    found = found_in(page)
    assert number_of_operations(found) == number_of_operations(FIDELITY)
    assert found.groupdict().get("version") in {None, FIDELITY["version"]}


@if_it_is_installed
def test_operations_are_counted() -> None:
    """The model of the version that the pages name has as many operations."""
    assert number_of_operations(FIDELITY) == len(service_model.operation_names())


@if_it_is_installed
def test_invalid_requests_are_counted() -> None:
    """As many requests are made from the constraints of the model."""
    made = sum(len([*variants(name)]) for name in service_model.operation_names())
    assert int(FIDELITY["invalid"]) == made
