from __future__ import annotations

from pathlib import Path

import pytest

from moto_ecr_ext.settings.leniencies import CONSTANT_TOKEN, MADE_UP_DIGESTS, WHOLE_LISTS
from moto_suite.differences import Difference, read_differences


def test_a_group_is_names_and_tests() -> None:
    """The first line of a group has the leniencies of all its tests, as far as the next empty line."""
    text = """# for the reader

made-up-digests, constant-token
tests/test_ecr/test_ecr.py::test_put[a b]
test_b

# for the reader
whole-lists
test_c
"""

    assert read_differences(text) == [
        Difference("tests/test_ecr/test_ecr.py::test_put[a b]", (MADE_UP_DIGESTS, CONSTANT_TOKEN)),
        Difference("test_b", (MADE_UP_DIGESTS, CONSTANT_TOKEN)),
        Difference("test_c", (WHOLE_LISTS,)),
    ]


def test_a_difference_explains_itself() -> None:
    """The reason has all that a leniency says; the setting has its names."""
    difference = Difference("test_a", (MADE_UP_DIGESTS, WHOLE_LISTS))

    for each in difference.leniencies:
        for text in (each.name, each.moto, each.aws, each.instead, each.page):
            assert text in difference.reason
    assert difference.compatibility == "moto: made-up-digests, whole-lists"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "made-up-digest\ntest_a", "no leniency made-up-digest; .* made-up-digests", id="no name"
        ),
        pytest.param("made-up-digests\n\ntest_a", "listed without tests", id="no tests"),
        pytest.param(
            "made-up-digests\ntest_a\n\nwhole-lists\ntest_a",
            "listed twice: test_a",
            id="a test listed twice",
        ),
    ],
)
def test_other_lists_are_refused(text: str, message: str) -> None:
    """A list that is not of the form is an error."""
    with pytest.raises(ValueError, match=message):
        read_differences(text)


def test_the_list_is_of_the_form() -> None:
    """The list of this project can be read."""
    assert len(read_differences(Path(__file__).with_name("differs.txt").read_text())) >= 34
