from __future__ import annotations

import pytest

from moto_suite.differences import Difference, read_differences

DOCUMENT = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html"


def test_a_line_is_a_test_and_its_document() -> None:
    """The last word of a line is the document; the id before it may have spaces."""
    text = f"# why\ntests/test_ecr/test_ecr.py::test_put[a b]  {DOCUMENT}\n"

    assert read_differences(text) == [
        Difference("tests/test_ecr/test_ecr.py::test_put[a b]", "why", DOCUMENT)
    ]


def test_a_group_has_one_reason() -> None:
    """A comment is the reason of the tests under it, as far as the next empty line."""
    text = f"""# for the reader

# one
# line and another
test_a {DOCUMENT}
test_b {DOCUMENT}

# two
test_c {DOCUMENT}
"""

    assert [(each.test, each.reason) for each in read_differences(text)] == [
        ("test_a", "one line and another"),
        ("test_b", "one line and another"),
        ("test_c", "two"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("# why\ntest_put", "not a test and an AWS document", id="no document"),
        pytest.param(f"# why\n{DOCUMENT}", "not a test and an AWS document", id="no test"),
        pytest.param(
            "# why\ntest_put https://github.com/getmoto/moto/issues/1",
            "not a test and an AWS document",
            id="a document that is not from AWS",
        ),
        pytest.param(
            f"# why\ntest_put {DOCUMENT}\n\n# why\ntest_put {DOCUMENT}",
            "listed twice: test_put",
            id="a test listed twice",
        ),
        pytest.param(
            f"# for the reader\n\ntest_put {DOCUMENT}",
            "listed without a reason: test_put",
            id="no reason",
        ),
    ],
)
def test_other_lines_are_refused(text: str, message: str) -> None:
    """A list that is not of the form is an error."""
    with pytest.raises(ValueError, match=message):
        read_differences(text)
