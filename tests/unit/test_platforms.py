"""Differences between platforms: the implementations that Linux does not choose, and behaviour on all of them.

tox's environments `platforms-windows` and `platforms-macos` run this with a Python that lacks what it lacks there.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from moto_ecr_ext.platforms import files, processes, sockets
from moto_ecr_ext.storage.blobs.directory.store import DirectoryBlobStore
from moto_ecr_ext.storage.blobs.errors import BlobNotFound, UploadCancelled
from moto_ecr_ext.storage.database.sqlite import FileDatabase

pytestmark = pytest.mark.platform

CONTENT = bytes(range(256)) * 1000
DIGEST = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def descriptor(tmp_path: Path) -> Iterator[int]:
    """A file of CONTENT."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    opened = os.open(path, os.O_RDWR | files.BINARY)
    yield opened
    os.close(opened)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[DirectoryBlobStore]:
    """A store in a directory."""
    opened = DirectoryBlobStore(tmp_path / "registry")
    yield opened
    opened.close()


def push(store: DirectoryBlobStore, content: bytes = CONTENT) -> str:
    with store.upload(str(uuid4())) as session:
        session.append(content)
        digest = session.digest()
        session.commit(digest)
    return digest


def test_the_simulated_platform() -> None:
    """The package sees the functions of the simulated Python, also in processes that it starts."""
    expected = {"windows": "False None", "macos": "True 51"}.get(
        os.environ.get("SIMULATED_PLATFORM", "")
    )
    if expected is None:
        pytest.skip("no other platform is simulated")
    script = "from moto_ecr_ext.platforms import files; print(files.POSIX_FILES, files.FULL_FLUSH)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == expected.split()
    assert [str(files.POSIX_FILES), str(files.FULL_FLUSH)] == expected.split()


# The private functions are those of platforms without `os.pread` and `os.preadv`: Linux chooses the others.
@pytest.mark.parametrize("read", [files.read_at, files._seek_and_read])
def test_threads_read_one_file_at_their_positions(descriptor: int, read: Any) -> None:
    """Each thread reads the bytes at its position, by each implementation."""
    starts = list(range(0, len(CONTENT), 997))
    with ThreadPoolExecutor(8) as threads:
        pieces = list(threads.map(lambda start: read(descriptor, 997, start), starts))
    assert b"".join(pieces) == CONTENT


@pytest.mark.parametrize("read", [files.read_into_at, files._read_and_copy])
def test_a_read_into_a_buffer(descriptor: int, read: Any) -> None:
    """A read into a buffer returns the number of bytes."""
    buffer = memoryview(bytearray(1000))
    assert read(descriptor, [buffer], 10) == 1000
    assert buffer == CONTENT[10:1010]
    assert read(descriptor, [buffer], len(CONTENT) - 5) == 5
    assert buffer[:5] == CONTENT[-5:]


def test_a_map_of_a_part(descriptor: int) -> None:
    """A map of a part begins at a page."""
    size = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 65536
    with files.map_file(descriptor, 1000, size) as window:
        assert window[:] == CONTENT[size : size + 1000]


def test_a_flush(descriptor: int, tmp_path: Path) -> None:
    """A file can be flushed on any platform, a directory where it can be opened."""
    files.flush(descriptor)
    directory = files.open_directory(tmp_path)
    if directory is not None:
        files.flush(directory)
        os.close(directory)


def test_a_database_is_flushed_as_files_are(tmp_path: Path) -> None:
    """SQLite empties the disk's own cache if the platform has a command for that."""
    database = FileDatabase.at(tmp_path / "registry.sqlite")
    with database.write() as transaction:
        connection = transaction.connection.connection.dbapi_connection
        assert isinstance(connection, sqlite3.Connection)
        found = [
            connection.execute(f"PRAGMA {name}").fetchone()
            for name in ("fullfsync", "checkpoint_fullfsync")
        ]
    database.close()
    assert found == [(int(files.FULL_FLUSH is not None),)] * 2


def test_a_turn_at_a_directory(tmp_path: Path) -> None:
    """One holder at a time has the turn, and no file remains."""
    order: list[str] = []

    def work(name: str) -> None:
        with files.directory_turn(tmp_path):
            order.append(name)
            time.sleep(0.01)
            order.append(name)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, "abcd"))
    assert order[::2] == order[1::2]
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(files.POSIX_FILES, reason="several processes can use a directory here")
def test_a_directory_in_use(store: DirectoryBlobStore, tmp_path: Path) -> None:
    """A second store is refused, until the first is closed."""
    with pytest.raises(files.DirectoryUnusable, match="registry is in use: only one process"):
        DirectoryBlobStore(tmp_path / "registry")
    push(store)
    store.close()
    second = DirectoryBlobStore(tmp_path / "registry")
    assert second.verify(DIGEST) == len(CONTENT)
    second.close()


def test_an_upload_that_is_cancelled_while_it_is_open(store: DirectoryBlobStore) -> None:
    """A cancelled upload cannot be committed, and leaves no file."""
    upload_id = str(uuid4())
    with store.upload(upload_id) as session:
        session.append(CONTENT)
        store.cancel(upload_id)
        with pytest.raises(UploadCancelled):
            session.commit(DIGEST)
    assert list(store.upload_ids()) == []
    assert list(store.digests()) == []
    with store.upload(upload_id) as session:
        assert session.size == 0


def test_an_upload_that_is_committed(store: DirectoryBlobStore) -> None:
    """A committed upload leaves no file beside the blob, nor does a session without bytes."""
    assert push(store) == DIGEST
    with store.upload(str(uuid4())):
        pass
    assert list(store.upload_ids()) == []
    assert list(store.digests()) == [DIGEST]


def test_a_blob_that_is_pushed_again_while_it_is_read(store: DirectoryBlobStore) -> None:
    """The reader and the push both get their bytes."""
    push(store)
    with store.open(DIGEST) as blob:
        push(store)
        assert b"".join(blob.chunks()) == CONTENT
    assert list(store.upload_ids()) == []
    assert store.verify(DIGEST) == len(CONTENT)


def test_a_damaged_blob_is_healed_by_a_push(store: DirectoryBlobStore, tmp_path: Path) -> None:
    """The file of a damaged blob gets the bytes of the upload."""
    push(store)
    blob = next((tmp_path / "registry" / "blobs").rglob(DIGEST.partition(":")[2]))
    blob.write_bytes(b"damaged")
    push(store)
    assert store.verify(DIGEST) == len(CONTENT)


def test_a_blob_that_is_deleted_while_it_is_read(store: DirectoryBlobStore) -> None:
    """The reader keeps its bytes. The next deletion removes a file that could not be removed."""
    push(store)
    with store.open(DIGEST) as blob:
        store.delete(DIGEST)
        assert b"".join(blob.chunks()) == CONTENT
        if files.POSIX_FILES:
            with pytest.raises(BlobNotFound):
                store.open(DIGEST)
    store.delete(DIGEST)
    assert list(store.digests()) == []
    assert list(store.set_aside()) == []


def test_an_upload_that_became_a_blob_before_the_process_was_killed(
    store: DirectoryBlobStore, tmp_path: Path
) -> None:
    """The next session of the upload has a copy, and bytes that it appends are no part of the blob."""
    push(store)
    upload_id = str(uuid4())
    blob = next((tmp_path / "registry" / "blobs").rglob(DIGEST.partition(":")[2]))
    os.link(blob, tmp_path / "registry" / "uploads" / upload_id)
    with store.upload(upload_id) as session:
        session.resume_at(len(CONTENT))
        session.append(b"more")
        more = session.digest()
        session.commit(more)
    assert store.verify(DIGEST) == len(CONTENT)
    assert store.verify(more) == len(CONTENT) + 4
    assert list(store.upload_ids()) == []


def test_nobody_listens_at_a_unix_socket(tmp_path: Path) -> None:
    """A socket without a server raises OSError, also on platforms without such sockets."""
    with pytest.raises(OSError, match=r"No such file|no Unix sockets"):
        sockets.check_unix_socket(str(tmp_path / "socket"))


def test_a_program_is_killed() -> None:
    """A killed program has ended when the call returns."""
    program = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    processes.kill_with_children(program)
    assert program.returncode not in (0, None)


def test_words_of_a_command() -> None:
    """Quotes hold words together, and a number sign is nothing special."""
    assert processes.words_of_command('trivy --config "a b" #c') == [
        "trivy",
        "--config",
        "a b",
        "#c",
    ]
