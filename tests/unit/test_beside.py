"""Work beside the requests."""

from __future__ import annotations

import logging
from threading import Event, Thread, current_thread

import pytest

from moto_ecr_ext.storage import beside as module
from moto_ecr_ext.storage.beside import Beside
from support.waiting import PATIENCE


class Stop:
    """A call that says that it has begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun = Event()
        self.may_end = Event()

    def __call__(self) -> None:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_THREADS", 1)


@pytest.mark.usefixtures("one_thread")
def test_calls_are_made_in_their_order() -> None:
    """Calls are made in their order in another thread. Later ones get a thread again."""
    beside, made = Beside(), []
    for _ in range(2):
        for number in range(20):
            beside.add("a", number, lambda: made.append(current_thread()))
            beside.add("a", (number, "number"), lambda number=number: made.append(number))
        assert beside.wait("a", PATIENCE)
        assert [each for each in made if isinstance(each, int)] == list(range(20))
        assert current_thread() not in made
        made.clear()


@pytest.mark.usefixtures("one_thread")
def test_a_call_that_has_not_ended() -> None:
    """A call is not added again before it has ended, whether it has begun or waits. Other groups may have its key."""
    beside, made, stop = Beside(), [], Stop()
    beside.add("a", 0, stop)
    assert stop.begun.wait(PATIENCE)
    for group, key in (("a", 0), ("a", 1), ("a", 1), ("b", 1)):
        beside.add(group, key, lambda name=(group, key): made.append(name))
    stop.may_end.set()
    assert beside.wait("a", PATIENCE)
    assert beside.wait("b", PATIENCE)
    assert made == [("a", 1), ("b", 1)]
    beside.add("a", 0, lambda: made.append(("a", 0)))
    assert beside.wait("a", PATIENCE)
    assert made[-1] == ("a", 0)


def test_a_call_that_takes_long() -> None:
    """Others do not wait for it, nor does a wait for another group; a wait for its group ends in time."""
    beside, made, stop = Beside(), [], Stop()
    beside.add("a", 0, stop)
    assert stop.begun.wait(PATIENCE)
    beside.add("b", 0, lambda: made.append("b"))
    assert beside.wait("b", PATIENCE)
    assert made == ["b"]
    assert not beside.wait("a", 0.01)
    stop.may_end.set()
    assert beside.wait("a", PATIENCE)


def test_a_call_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    """A failure is logged, and the other calls are made."""
    beside, made = Beside(), []
    beside.add("a", 0, lambda: [].pop())
    beside.add("a", 1, lambda: made.append(1))
    assert beside.wait("a", PATIENCE)
    assert made == [1]
    [record] = caplog.records
    assert (record.levelno, record.exc_info and record.exc_info[0]) == (logging.ERROR, IndexError)


@pytest.mark.usefixtures("one_thread")
def test_calls_that_are_forgotten() -> None:
    """A call that has not begun is forgotten; later ones are made."""
    beside, made, stop = Beside(), [], Stop()
    beside.add("a", 0, stop)
    assert stop.begun.wait(PATIENCE)
    beside.add("a", 1, lambda: made.append("forgotten"))
    beside.forget()
    beside.add("a", 1, lambda: made.append("later"))
    stop.may_end.set()
    assert beside.wait("a", PATIENCE)
    assert made == ["later"]


def test_closing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """The end waits for calls that have begun, but not for long. It begins none, and nobody hears of a failure."""
    beside, made, stop = Beside(), [], Stop()

    def fail() -> None:
        stop()
        raise OSError("the database is closed")

    beside.add("a", 0, fail)
    assert stop.begun.wait(PATIENCE)
    monkeypatch.setattr(module, "_LAST_CALLS", 0.01)
    beside.close()
    beside.add("a", 1, lambda: made.append(1))
    monkeypatch.setattr(module, "_LAST_CALLS", PATIENCE)
    closing = Thread(target=beside.close)
    closing.start()
    stop.may_end.set()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert beside.wait("a", 0)
    assert (made, caplog.records) == ([], [])


@pytest.mark.usefixtures("one_thread")
def test_a_child() -> None:
    """A child of a fork has no calls of its parent, and can make others."""
    beside, made, stop = Beside(), [], Stop()
    beside.add("a", 0, stop)
    assert stop.begun.wait(PATIENCE)
    beside.add("a", 1, lambda: made.append("parent"))
    beside.begin_child()
    assert beside.wait("a", 0)
    beside.add("a", 1, lambda: made.append("child"))
    assert beside.wait("a", PATIENCE)
    assert made == ["child"]
    stop.may_end.set()
