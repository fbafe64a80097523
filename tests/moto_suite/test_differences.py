from __future__ import annotations

import pytest

from moto_suite.differences import MOST_DIFFERENCES, Difference, read_differences

DOCUMENT = "https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html"


def test_a_line_is_a_test_and_its_document():
    """The last word of a line is the document; the id before it may have spaces."""
    text = f"# why\n\ntests/test_ecr/test_ecr.py::test_put[a b]  {DOCUMENT}\n"

    assert read_differences(text) == [
        Difference("tests/test_ecr/test_ecr.py::test_put[a b]", DOCUMENT)
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("test_put", "not a test and an AWS document", id="no document"),
        pytest.param(DOCUMENT, "not a test and an AWS document", id="no test"),
        pytest.param(
            "test_put https://github.com/getmoto/moto/issues/1",
            "not a test and an AWS document",
            id="a document that is not from AWS",
        ),
        pytest.param(
            f"test_put {DOCUMENT}\ntest_put {DOCUMENT}", "listed twice", id="a test listed twice"
        ),
        pytest.param(
            "\n".join(f"test_{number} {DOCUMENT}" for number in range(MOST_DIFFERENCES + 1)),
            "6 tests are listed; 5 may be",
            id="more than five",
        ),
    ],
)
def test_other_lines_are_refused(text, message):
    """A list that is not of the form, or too long, is an error."""
    with pytest.raises(ValueError, match=message):
        read_differences(text)
