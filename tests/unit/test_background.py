"""Work in the background: a kind of the tests' own, whose only piece is a setting of the registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from moto import mock_aws
from moto.moto_api import state_manager

import moto_ecr_ext
from moto_ecr_ext.models.background import BackgroundWork
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.lookup import registry_backend
from moto_ecr_ext.storage.database.transaction import Transaction, View
from moto_ecr_ext.storage.due import AT_ONCE
from support.constants import ACCOUNT, REGION

NAME = "tests::wash"


class Wash(NamedTuple):
    """A piece of work."""

    started_at: float = 0.0
    times_seen: int = 0
    is_done: bool = False


def stored(registry: RegistryBackend, view: View) -> Wash:
    return Wash(*registry.setting(view, NAME) or ())


def found(registry: RegistryBackend) -> Wash:
    with registry.store.database.read() as view:
        return stored(registry, view)


def store(registry: RegistryBackend, transaction: Transaction, wash: Wash) -> Wash:
    registry.store_setting(transaction, NAME, list(wash))
    return wash


def end(registry: RegistryBackend, transaction: Transaction, wash: Wash) -> None:
    store(registry, transaction, wash._replace(is_done=True))


def kind(registry: RegistryBackend, **members: Any) -> BackgroundWork[Wash]:
    def again(view: View, _: Wash | None = None) -> Wash | None:
        return None if (wash := stored(registry, view)).is_done else wash

    return BackgroundWork(
        NAME,
        **{
            "under_way": lambda view: [wash] if (wash := again(view)) else [],
            "again": again,
            "end": end,
            **members,
        },
    )


def count_description(registry: RegistryBackend, transaction: Transaction, wash: Wash) -> None:
    store(registry, transaction, wash._replace(times_seen=wash.times_seen + 1))


@pytest.fixture
def registry() -> Iterator[RegistryBackend]:
    with moto_ecr_ext.install(), mock_aws():
        yield registry_backend(ACCOUNT, REGION)


@pytest.fixture
def twice() -> Iterator[None]:
    """The work is over once it was described twice."""
    state_manager.set_transition(NAME, {"progression": "manual", "times": 2})
    yield
    state_manager.unset_transition(NAME)


def test_work_that_takes_no_time(registry: RegistryBackend) -> None:
    """Work that takes no time ends in the transaction that begins it, without another look."""
    with registry.store.database.write() as transaction:
        kind(registry).begin(registry, transaction, store(registry, transaction, Wash()))
        assert stored(registry, transaction).is_done
    assert not registry.store.schedule.is_due(AT_ONCE)


def test_work_of_a_transaction_that_is_undone(registry: RegistryBackend) -> None:
    """Work of an undone transaction has not happened."""

    def fail() -> None:
        with registry.store.database.write() as transaction:
            kind(registry).begin(registry, transaction, store(registry, transaction, Wash()))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not found(registry).is_done


@pytest.mark.usefixtures("twice")
def test_work_that_is_described(registry: RegistryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every request looks at the work, which ends once it was described so often."""
    work = kind(registry)
    monkeypatch.setattr(type(registry), "background", (work.run,))
    with registry.store.database.write() as transaction:
        work.begin(registry, transaction, store(registry, transaction, Wash()))
        assert not registry.store.schedule.is_due(AT_ONCE), "before the commit"
    assert registry.store.schedule.is_due(AT_ONCE)
    registry.catch_up()
    seen = [
        work.described(
            registry,
            lambda view: stored(registry, view),
            lambda wash: not wash.is_done,
            lambda transaction, wash: count_description(registry, transaction, wash),
        )
        for _ in range(3)
    ]
    assert [(wash.times_seen, wash.is_done) for wash in seen] == [(1, False), (2, True), (2, True)]
    assert not registry.store.schedule.is_due(AT_ONCE)


def test_work_that_ends_after_the_commit(registry: RegistryBackend) -> None:
    """Work after the commit has a separate transaction, before the call returns."""
    with registry.store.database.write() as transaction:
        store(registry, transaction, Wash())
        kind(registry).begin_after_commit(registry, transaction)
        assert not stored(registry, transaction).is_done
    assert found(registry).is_done
    assert not registry.store.schedule.is_due(AT_ONCE)


def test_work_that_fails_after_the_commit(
    registry: RegistryBackend, caplog: pytest.LogCaptureFixture
) -> None:
    """A failed call after the commit leaves the commit; the next request tries again."""

    def fail(registry: RegistryBackend, transaction: Transaction, wash: Wash) -> None:
        raise OSError("There is no water")

    with registry.store.database.write() as transaction:
        store(registry, transaction, Wash(started_at=1.0))
        kind(registry, end=fail).begin_after_commit(registry, transaction)
    assert found(registry) == Wash(started_at=1.0)
    assert "There is no water" in caplog.text
    assert registry.store.schedule.is_due(AT_ONCE)


def test_work_that_another_process_ended_first(registry: RegistryBackend) -> None:
    """Work that another process ended first is not ended again."""
    ends: list[Wash] = []
    work = kind(
        registry,
        under_way=lambda view: [Wash()],
        again=lambda view, wash: None,
        end=lambda registry, transaction, wash: ends.append(wash),
    )
    work.run(registry)
    assert ends == []
