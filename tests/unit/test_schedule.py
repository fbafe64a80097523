"""The schedule: due work is done once, by the first caller, and is never missed.

ECR runs a lifecycle policy within 24 hours of its cause, so that nothing is due later:
https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
"""

from __future__ import annotations

import math
import threading

import pytest

from moto_ecr_ext.storage import due
from moto_ecr_ext.storage.due import AT_ONCE, Schedule
from moto_ecr_ext.storage.later import Later

DAY = 24 * 60 * 60


def never() -> float:
    raise AssertionError("nothing is due")


def test_a_new_schedule_is_due() -> None:
    """A new schedule calls the work, which returns when it is due next, whatever the time is."""
    schedule = Schedule(Later())
    assert schedule.is_due(0)
    assert schedule.is_due(AT_ONCE)
    schedule.catch_up(-1e12, lambda: 100)
    schedule.catch_up(99.9, never)
    assert not schedule.is_due(99.9)
    assert schedule.is_due(100)
    assert not schedule.is_due(AT_ONCE)


def test_work_says_what_is_next() -> None:
    """Work is called once for all that was due, and returns the next time."""
    schedule = Schedule(Later())
    calls = []

    def work() -> float:
        calls.append("work")
        return 200 if len(calls) == 1 else math.inf

    for at in (100, 150, 500, 1e12):
        schedule.catch_up(at, work)
    assert len(calls) == 2


def test_the_earliest_counts() -> None:
    """A later expectation changes nothing."""
    schedule = Schedule(Later())
    schedule.catch_up(0, lambda: math.inf)
    schedule.expect(200)
    schedule.correct(300, 0)
    schedule.expect(250)
    assert [schedule.is_due(at) for at in (199, 200)] == [False, True]
    schedule.correct(100, 0)
    assert [schedule.is_due(at) for at in (99, 100)] == [False, True]
    schedule.expect(AT_ONCE)
    assert schedule.is_due(AT_ONCE)


@pytest.mark.parametrize("say", ["return", "expect", "notice"])
def test_a_time_that_a_clock_ahead_has_said_is_due_now(say: str) -> None:
    """Nothing is due later than in a day (EVALUATION_INTERVAL)."""
    schedule = Schedule(Later())
    in_ten_years, today = 2e9, 1.7e9
    schedule.catch_up(in_ten_years, lambda: in_ten_years + DAY if say == "return" else math.inf)
    if say == "expect":
        schedule.expect(in_ten_years + DAY)
    elif say == "notice":
        schedule.expect(today + DAY)
        schedule.correct(in_ten_years + DAY, today)
    assert schedule.is_due(today)
    schedule.catch_up(today, lambda: today + DAY)
    assert not schedule.is_due(today)
    assert schedule.is_due(today + DAY)


def test_work_that_fails_is_due_again() -> None:
    """Failed work raises to its caller, and the next caller tries again."""
    schedule = Schedule(Later())

    def fail() -> float:
        raise OSError("The disk is full")

    for _ in range(2):
        with pytest.raises(OSError, match="disk"):
            schedule.catch_up(0, fail)
    schedule.catch_up(0, lambda: 100)
    schedule.catch_up(0, never)


def test_work_may_come_back() -> None:
    """Work may make a request on the same thread."""
    schedule = Schedule(Later())
    depth = []

    def work() -> float:
        depth.append("work")
        if len(depth) == 1:
            schedule.catch_up(0, work)
        return 100

    schedule.catch_up(0, work)
    assert len(depth) == 2


def test_others_wait_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others wait for short work, here as long as necessary; what they expect meanwhile is kept."""
    monkeypatch.setattr(due, "_PATIENCE", 60)
    schedule = Schedule(Later())
    has_begun, may_end = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> float:
        has_begun.set()
        assert may_end.wait(60)
        done.append("work")
        return math.inf

    def ask() -> None:
        schedule.catch_up(0, never if done else work)
        done.append("asked")

    def expect() -> None:
        schedule.expect(50)
        done.append("expected")

    threads = [threading.Thread(target=ask)]
    threads[0].start()
    assert has_begun.wait(60)
    threads += [threading.Thread(target=each) for each in (ask, expect)]
    for thread in threads[1:]:
        thread.start()
    may_end.set()
    for thread in threads:
        thread.join(60)
    assert [each for each in done if each != "expected"] == ["work", "asked", "asked"]
    assert schedule.is_due(50)


def test_nobody_waits_for_long_work() -> None:
    """Requests continue during long work, and new due times are noted at once."""
    schedule = Schedule(Later())
    has_begun, may_end = threading.Event(), threading.Event()

    def work() -> float:
        has_begun.set()
        assert may_end.wait(60)
        return math.inf

    thread = threading.Thread(target=lambda: schedule.catch_up(0, work))
    thread.start()
    assert has_begun.wait(60)
    schedule.catch_up(0, never)
    schedule.expect(50)
    may_end.set()
    thread.join(60)
    assert schedule.is_due(50)
    assert not schedule.is_due(49)


def test_what_is_expected_while_work_goes_on_is_not_dropped() -> None:
    """A time that is expected during the work stays, since the work may already have passed it."""
    schedule = Schedule(Later())

    def work() -> float:
        schedule.expect(AT_ONCE)
        return math.inf

    schedule.catch_up(0, work)
    assert schedule.is_due(AT_ONCE)
    schedule.catch_up(0, lambda: math.inf)
    assert not schedule.is_due(1e12)


def test_work_inside_of_work() -> None:
    """The due time of an inner call counts too."""
    schedule = Schedule(Later())

    def work() -> float:
        schedule.catch_up(0, lambda: 100)
        return math.inf

    schedule.catch_up(0, work)
    assert schedule.is_due(100)


def test_what_follows_work_does_not_hold_up_others() -> None:
    """Callbacks run when all work has ended, in order, and a failing one does not prevent the others."""
    later = Later()
    schedule = Schedule(later)
    done: list[str] = []

    def fail() -> None:
        done.append("failed")
        raise RuntimeError

    def follow() -> None:
        thread = threading.Thread(target=schedule.expect, args=(50,))
        thread.start()
        thread.join(60)
        done.append("stuck" if thread.is_alive() else "followed")

    def inner() -> float:
        later.make([fail, follow])
        done.append("inner")
        return math.inf

    def work() -> float:
        schedule.catch_up(0, inner)
        done.append("work")
        return math.inf

    schedule.catch_up(0, work)
    assert done == ["inner", "work", "failed", "followed"]
    later.make([lambda: done.append("at once")])
    assert done[-1] == "at once"


def test_what_is_held_back_when_the_work_fails() -> None:
    """Callbacks run also if the work fails, since an earlier part was committed."""
    later = Later()
    done: list[str] = []

    def work() -> float:
        later.make([lambda: done.append("followed")])
        raise RuntimeError

    with pytest.raises(RuntimeError):
        Schedule(later).catch_up(0, work)
    assert done == ["followed"]
