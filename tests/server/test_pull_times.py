"""The times of pulls, while another process has the database.

A writer waits for the other writer, a reader does not: https://www.sqlite.org/wal.html#concurrency
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import moto_ecr_ext
from moto_ecr_ext import testing
from moto_ecr_ext.storage.store import close_current_store, current_store
from support.environments import Environment

pytestmark = pytest.mark.once

IMAGE = testing.build_image(seed=1, layers=1)
# Less than what a write waits for another process.
PATIENCE = 30

Hold = Callable[[], AbstractContextManager[None]]


@pytest.fixture(params=["sqlite", "postgresql"])
def hold(request: pytest.FixtureRequest, tmp_path: Path) -> Hold:
    """Install the extension on a database, and return what holds the lock by which all processes write in turn."""
    if request.param == "sqlite":
        moto_ecr_ext.install(data_dir=tmp_path)

        @contextmanager
        def hold() -> Iterator[None]:
            with closing(sqlite3.connect(tmp_path / "registry.sqlite")) as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield

        return hold
    cluster = request.getfixturevalue("postgresql")
    name = cluster.create_database()
    moto_ecr_ext.install(database=cluster.url(name), blobs=str(tmp_path))

    @contextmanager
    def hold() -> Iterator[None]:
        with cluster.connect(name) as connection:
            key = int.from_bytes(b"moto_ecr", "big")
            connection.execute("SELECT pg_advisory_lock(%s)", (key,))
            yield

    return hold


@pytest.fixture
def ecr(server: Environment, hold: Hold) -> Any:
    """A client of a server in this process, with an image and no work due."""
    ecr = server.client()
    ecr.create_repository(repositoryName="app")
    testing.push(ecr, "app", IMAGE, tag="1.0")
    ecr.describe_repositories()
    return ecr


def times_of_pulls(ecr: Any) -> list[Any]:
    details = ecr.describe_images(repositoryName="app")["imageDetails"]
    return [each.get("lastRecordedPullTime") for each in details]


def test_a_pull_does_not_wait(server: Environment, ecr: Any, hold: Hold) -> None:
    """A pull and the answer with its time do not wait; the time is written once the database is free."""
    registry = server.registry()
    with hold():
        for path in ("manifests/1.0", f"manifests/{IMAGE.digest}"):
            assert registry.request("GET", f"/v2/app/{path}", timeout=PATIENCE).ok
        answer = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "1.0"}])
        assert len(answer["images"]) == 1
        [shown] = times_of_pulls(ecr)
        assert shown is not None
    current_store().pulls.write()
    close_current_store()
    assert times_of_pulls(ecr) == [shown]


def test_what_is_pulled_is_written_without_another_request(ecr: Any, hold: Hold) -> None:
    """A pull's time is written soon without another request: a killed server loses the last second, not the last
    pull of the day.
    """
    store, written = current_store(), threading.Event()
    # Private, since only the thread that writes knows when it has: a request that asks would cause a write itself.
    write = store.pulls._store

    def record(pending: Any) -> None:
        write(pending)
        written.set()

    store.pulls._store = record  # type: ignore[method-assign]
    for _ in range(2):
        written.clear()
        ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "1.0"}])
        assert written.wait(PATIENCE)


def test_waiting_times_of_excluded_principals_are_not_shown(ecr: Any, hold: Hold) -> None:
    """Waiting times of excluded principals are not shown, as they will not be written."""
    role = "arn:aws:iam::123456789012:role/scanner"
    ecr.register_pull_time_update_exclusion(principalArn=role)
    pulls = current_store().pulls
    with hold(), current_store().database.read() as view:
        pulls.add([1], 5.0, "123456789012:role/scanner")
        pulls.add([2], 6.0, None)
        waiting = pulls.waiting().of_registry(view, "123456789012", "us-east-1")
        elsewhere = pulls.waiting().of_registry(view, "123456789012", "eu-west-1")
    assert waiting == {2: 6.0}
    assert elsewhere == {1: 5.0, 2: 6.0}
