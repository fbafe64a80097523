"""Times, as texts and as seconds since the epoch."""

from __future__ import annotations

import pytest

from moto_ecr_ext.clock import spoken_time, text_of_time, time_of_text

NOON = 1_769_860_800

TIMES = {
    "2026-01-31T12:00:00Z": NOON,
    "2026-01-31t12:00:00z": NOON,
    "2026-01-31 12:00:00Z": NOON,
    "2026-01-31T12:00Z": NOON,
    "2026-01-31T13:30:00+01:30": NOON,
    "2026-01-31T07:00:00-05:00": NOON,
    "2026-01-31T12:00:00": NOON,
    "2026-01-31": NOON - 12 * 3600,
    "2026-01-31T12:00:00.5Z": NOON + 0.5,
    "2026-01-31T12:00:00.25+00:00": NOON + 0.25,
    "2026-01-31T12:00:00,250Z": NOON + 0.25,
    "2026-01-31T12:00:00.250000Z": NOON + 0.25,
    "2026-01-31T12:00:00.250000999Z": NOON + 0.25,
    "0001-01-01T00:00:00+23:59": -62135683140,
    "9999-12-31T23:59:59-23:59": 253402387139,
}


@pytest.mark.parametrize("text", TIMES)
def test_a_text_is_a_time(text: str) -> None:
    """A fraction has any number of digits, on each Python; UTC applies to a text without a zone."""
    assert time_of_text(text) == TIMES[text]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026",
        "1769860800",
        "20260131T120000Z",
        "2026-W05-6",
        "2026-02-30",
        "2026-01-31T25:00:00Z",
        "2026-01-31T12:00:00.Z",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31Z",
        "2026-01-31T12:00:00Z\n",
        "٢026-01-31",
    ],
)
def test_another_text_is_refused(text: str) -> None:
    """Another form, and a time that does not exist, raises ValueError."""
    with pytest.raises(ValueError, match=r"not a time|must be|out of range"):
        time_of_text(text)


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T12:00:00"])
def test_a_zone_can_be_required(text: str) -> None:
    """Without a default zone, a text without a zone is refused."""
    with pytest.raises(ValueError, match="not a time"):
        time_of_text(text, default_zone=None)
    assert time_of_text(f"{text[:10]}T12:00:00Z", default_zone=None) == NOON


def test_a_time_is_read_as_it_was_written() -> None:
    """Both functions agree on milliseconds."""
    assert time_of_text(text_of_time(NOON + 0.125)) == NOON + 0.125


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (NOON, "Jan 31, 2026, 12:00:00 PM"),
        (NOON - 12 * 3600, "Jan 31, 2026, 12:00:00 AM"),
        (NOON - 1, "Jan 31, 2026, 11:59:59 AM"),
        # The example of https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-enhanced-events.html
        (1638554550.9, "Dec 3, 2021, 6:02:30 PM"),
    ],
)
def test_a_time_of_inspector(at: float, text: str) -> None:
    """Amazon Inspector writes times with the names of months, and with AM and PM."""
    assert spoken_time(at) == text
