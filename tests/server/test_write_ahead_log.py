"""Commits share syncs of SQLite's write-ahead log: acknowledged writes are in the log on disk."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock

import pytest
from sqlalchemy import text

from moto_ecr_ext.storage.database import write_ahead_log
from moto_ecr_ext.storage.database.base import Database
from moto_ecr_ext.storage.database.sqlite import FileDatabase

pytestmark = pytest.mark.once

ROWS = "SELECT key FROM notes ORDER BY key"


class Disk:
    """A power cut's result: the files of a database as they were at the last sync of the log. SQLite's own syncs
    come sooner, as a copy of the database at that time shows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.wal = Path(f"{path}-wal")
        self.syncs = 0
        self.failures = 0
        self._lock = Lock()
        self._kept: dict[str, bytes] = {}

    def sync(self, descriptor: int) -> None:
        """Stand in for a flush of the log."""
        with self._lock:
            assert os.path.samestat(os.fstat(descriptor), self.wal.stat())
            if self.failures:
                self.failures -= 1
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.syncs += 1
            # The log first: what a checkpoint takes from it meanwhile is in it still, and is there twice.
            self._kept = {"wal": self.wal.read_bytes(), "database": self.path.read_bytes()}

    def rows_after_a_power_cut(self, directory: Path) -> list[int]:
        """The rows of a database that has only the synced bytes."""
        directory.mkdir()
        copy = directory / "registry.db"
        copy.write_bytes(self._kept["database"])
        Path(f"{copy}-wal").write_bytes(self._kept["wal"])
        with sqlite3.connect(copy) as connection:
            found = [key for (key,) in connection.execute(ROWS)]
        connection.close()
        shutil.rmtree(directory)
        return found


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(tmp_path / "registry.db")
    monkeypatch.setattr(write_ahead_log, "flush_content", disk.sync)
    return disk


@pytest.fixture
def database(disk: Disk) -> Iterator[Database]:
    database = FileDatabase.at(disk.path)
    with database.write() as transaction:
        transaction.connection.execute(text("CREATE TABLE notes (key INTEGER PRIMARY KEY)"))
    yield database
    database.close()


def add(database: Database, key: int, *, durable: bool = True) -> None:
    with database.write(durable=durable) as transaction:
        transaction.connection.execute(text("INSERT INTO notes VALUES (:key)"), {"key": key})


def rows_of(database: Database) -> list[int]:
    with database.read() as view:
        return [key for (key,) in view.connection.execute(text(ROWS))]


def test_what_was_written_survives_a_power_cut(
    database: Database, disk: Disk, tmp_path: Path
) -> None:
    """Each row is in the synced bytes when its write has ended, also over many checkpoints of SQLite's own."""
    for key in range(1200):
        add(database, key)
        if key % 97 == 0:
            assert disk.rows_after_a_power_cut(tmp_path / "cut") == list(range(key + 1))
    assert disk.syncs == 1201


def test_many_at_once_survive_a_power_cut(database: Database, disk: Disk, tmp_path: Path) -> None:
    """No row depends on a sync that began before it was committed."""

    def write(number: int) -> None:
        for step in range(40):
            key = number * 1000 + step
            add(database, key)
            if step % 10 == 0:
                assert key in disk.rows_after_a_power_cut(tmp_path / f"cut-{key}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    assert len(rows_of(database)) == 320
    assert disk.syncs <= 321


def test_what_need_not_be_durable_is_not_synced(database: Database, disk: Disk) -> None:
    """A write that need not be durable does not wait for the disk."""
    before = disk.syncs
    add(database, 1, durable=False)
    assert disk.syncs == before
    assert rows_of(database) == [1]


def test_a_sync_that_fails(database: Database, disk: Disk, tmp_path: Path) -> None:
    """The caller that waited gets the error; the next write first puts all into the database, behind no lost frames."""
    add(database, 1)
    disk.failures = 1
    with pytest.raises(OSError, match="Input/output error"):
        add(database, 2)
    assert rows_of(database) == [1, 2]
    assert disk.wal.stat().st_size > 0
    add(database, 3)
    # One frame or a few, at the beginning of a new log.
    assert disk.wal.stat().st_size < 5 * 4200
    assert disk.rows_after_a_power_cut(tmp_path / "cut") == [1, 2, 3]


def test_a_sync_that_fails_for_many(database: Database, disk: Disk, tmp_path: Path) -> None:
    """An acknowledged row survives a power cut, with any failures before and after it."""
    written: list[int] = []

    def write(number: int) -> None:
        for step in range(30):
            key = number * 1000 + step
            if number == 0 and step % 10 == 5:
                disk.failures = 1
            try:
                add(database, key)
            except OSError:
                continue
            written.append(key)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(8)))
    add(database, 9999)
    found = disk.rows_after_a_power_cut(tmp_path / "cut")
    assert set(written) <= set(found)
    assert 200 < len(written) < 240


def test_calls_that_follow_a_commit_wait_for_the_sync(database: Database, disk: Disk) -> None:
    """A call that follows a commit waits for its sync, so that no answer shows what a power cut may take back."""
    heard: list[int] = []

    def write() -> None:
        with database.write() as transaction:
            transaction.after_commit(lambda: heard.append(disk.syncs))

    before = disk.syncs
    write()
    assert heard == [before + 1]
    disk.failures = 1
    with pytest.raises(OSError, match="Input/output error"):
        write()
    assert heard == [before + 1]
