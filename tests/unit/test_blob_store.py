"""The blob stores: real bytes under real digests, uploads that survive what happens to them."""

from __future__ import annotations

import errno
import hashlib
import mmap
import os
import random
import stat
import sys
import tempfile
import tracemalloc
from array import array
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Barrier, Event, Lock, Thread
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_ecr_ext.platforms import files
from moto_ecr_ext.storage.blobs import verification
from moto_ecr_ext.storage.blobs.blob import CHUNK
from moto_ecr_ext.storage.blobs.directory import progress
from moto_ecr_ext.storage.blobs.directory.store import DirectoryBlobStore
from moto_ecr_ext.storage.blobs.errors import (
    BlobDamaged,
    BlobNotFound,
    DigestMismatch,
    UploadCancelled,
    UploadDiscarded,
    UploadTruncated,
)
from moto_ecr_ext.storage.blobs.memory import MemoryBlobStore
from moto_ecr_ext.storage.blobs.s3.store import S3BlobStore
from moto_ecr_ext.storage.blobs.store import BlobStore
from support.s3_servers import S3Server

MIB = 1024 * 1024
CONTENT = random.Random(1).randbytes(300_000)
LARGE = random.Random(2).randbytes(5 * MIB + 11)
UNKNOWN = f"sha256:{'0' * 64}"
NO_DIGESTS = [
    "",
    "sha256:",
    "../../etc/passwd",
    "sha256:../../../../etc/passwd",
    f"sha256:{'0' * 63}",
    f"sha256:{'0' * 64}\n",
    f"sha256:{'A' * 64}",
    f"sha256:{'0' * 61}/..",
    f"md5:{'0' * 32}",
    f"../sha256:{'0' * 64}",
]
NO_UPLOAD_IDS = [
    "",
    ".",
    "../blobs",
    "/etc/passwd",
    "0" * 36,
    "a3d7d6b8-3d5c-4b1e-9d0e-0c1d2e3f4a5",
    "a3d7d6b8-3d5c-4b1e-9d0e-0c1d2e3f4a5b\n",
    "A3D7D6B8-3D5C-4B1E-9D0E-0C1D2E3F4A5B",
    "a3d7d6b8-3d5c-4b1e-9d0e-0c1d2e3f4a5b/../x",
]


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def sha512(content: bytes) -> str:
    return f"sha512:{hashlib.sha512(content).hexdigest()}"


def new_upload_id() -> str:
    return str(uuid4())


def append(store: BlobStore, upload_id: str, content: bytes, position: int = 0) -> None:
    """Append to an upload, with all of it on disk, and acknowledge it."""
    with store.upload(upload_id) as session:
        session.resume_at(position)
        session.append(content)
        session.flush()
        session.acknowledge()


def committed(store: BlobStore, content: bytes) -> str:
    """The digest of `content`, which the store has from now on."""
    with store.upload(new_upload_id()) as session:
        session.resume_at(0)
        session.append(content)
        digest = session.digest()
        session.commit(digest)
    return digest


def content_of(store: BlobStore, digest: str) -> bytes:
    with store.open(digest) as blob:
        return b"".join(blob.chunks())


def files_below(directory: Path) -> list[str]:
    return sorted(
        str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()
    )


@pytest.fixture(params=["memory", "directory", "moto_s3", "rclone_s3"])
def store(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> BlobStore:
    if request.param == "memory":
        return MemoryBlobStore()
    if request.param == "directory":
        return DirectoryBlobStore(tmp_path / "data")
    return s3_store(request.getfixturevalue(request.param), monkeypatch)


def s3_store(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3BlobStore:
    """A store in a new bucket."""
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return S3BlobStore.at(server.new_bucket().url)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def directory_store(directory: Path) -> DirectoryBlobStore:
    return DirectoryBlobStore(directory)


class TestBlobs:
    def test_committed_bytes_are_read_back(self, store: BlobStore) -> None:
        """A blob has the bytes and the size of its upload."""
        digest = committed(store, CONTENT)
        assert digest == sha256(CONTENT)
        with store.open(digest) as blob:
            assert blob.size == len(CONTENT)
            assert b"".join(blob.chunks()) == CONTENT

    def test_blob_without_bytes(self, store: BlobStore) -> None:
        """The empty blob can be committed, opened and listed as any other."""
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.commit(sha256(b""))
        with store.open(sha256(b"")) as blob:
            assert blob.size == 0
            assert list(blob.chunks()) == []
        assert list(store.digests()) == [sha256(b"")]

    def test_sha512_is_a_name_of_its_own(self, store: BlobStore) -> None:
        """The same bytes can be committed under both algorithms."""
        committed(store, LARGE)
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.append(LARGE)
            assert session.digest("sha512") == sha512(LARGE)
            session.commit(sha512(LARGE))
        assert sorted(store.digests()) == [sha256(LARGE), sha512(LARGE)]
        assert content_of(store, sha512(LARGE)) == LARGE

    @pytest.mark.parametrize(
        ("start", "stop"),
        [
            (0, None),
            (0, 0),
            (0, 1),
            (7, 7),
            (9, 4),
            (99_999, 100_001),
            (100_000, 200_000),
            (CHUNK - 1, CHUNK + 1),
            (CHUNK, 3 * CHUNK),
            (len(LARGE) - 1, None),
            (len(LARGE), None),
            (len(LARGE) + 5, None),
            (3, len(LARGE) + 5),
        ],
    )
    def test_chunks_of_a_range(self, store: BlobStore, start: int, stop: int | None) -> None:
        """`chunks` returns the range, clipped to the blob, in pieces of bounded size."""
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.append(LARGE[:100_000])
            session.append(LARGE[100_000:100_007])
            session.append(LARGE[100_007:])
            session.commit(sha256(LARGE))
        with store.open(sha256(LARGE)) as blob:
            chunks = list(blob.chunks(start, stop))
        assert b"".join(chunks) == LARGE[start:stop]
        assert all(type(chunk) is bytes and 0 < len(chunk) <= CHUNK for chunk in chunks)

    def test_chunks_from_a_negative_position(self, store: BlobStore) -> None:
        """A negative position is an error: the caller turns a range from the end into positions."""
        with store.open(committed(store, CONTENT)) as blob, pytest.raises(ValueError, match="-1"):
            blob.chunks(-1)

    def test_unknown_blob(self, store: BlobStore) -> None:
        """`open` names the digest it does not have."""
        with pytest.raises(BlobNotFound, match=UNKNOWN) as refusal:
            store.open(UNKNOWN)
        assert refusal.value.digest == UNKNOWN

    def test_delete(self, store: BlobStore) -> None:
        """A deleted blob is missing, the others stay, and deleting again succeeds."""
        digest, other = committed(store, CONTENT), committed(store, LARGE)
        store.delete(digest)
        store.delete(digest)
        with pytest.raises(BlobNotFound):
            store.open(digest)
        assert list(store.digests()) == [other]

    def test_delete_while_reading(self, store: BlobStore) -> None:
        """A reader of a deleted blob can read it to the end and start over; not in S3."""
        if isinstance(store, S3BlobStore):
            with store.open(committed(store, LARGE)) as blob:
                store.delete(sha256(LARGE))
                with pytest.raises(OSError, match="no such object"):
                    list(blob.chunks())
            return
        with store.open(committed(store, LARGE)) as blob:
            chunks = blob.chunks()
            first = next(chunks)
            store.delete(sha256(LARGE))
            assert first + b"".join(chunks) == LARGE
            assert b"".join(blob.chunks(10, 20)) == LARGE[10:20]

    def test_blob_of_a_deleted_digest_can_come_back(self, store: BlobStore) -> None:
        """A deleted blob's bytes can be committed again."""
        store.delete(committed(store, CONTENT))
        assert content_of(store, committed(store, CONTENT)) == CONTENT

    @pytest.mark.parametrize("digest", NO_DIGESTS)
    def test_text_that_is_no_digest(self, store: BlobStore, digest: str, tmp_path: Path) -> None:
        """A text that is no digest never becomes a path."""
        committed(store, CONTENT)
        before = files_below(tmp_path)
        with pytest.raises(ValueError, match="not a digest"):
            store.open(digest)
        with pytest.raises(ValueError, match="not a digest"):
            store.delete(digest)
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            with pytest.raises(ValueError, match="not a digest"):
                session.commit(digest)
        assert files_below(tmp_path) == before


class TestUploads:
    def test_digest_grows_with_the_bytes(self, store: BlobStore) -> None:
        """At any time the digest is that of the bytes so far."""
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            assert session.digest() == sha256(b"")
            for end in (1, 2, 70_000, 70_001, len(CONTENT)):
                session.append(CONTENT[session.size : end])
                assert session.size == end
                assert session.digest() == sha256(CONTENT[:end])
                assert session.digest("sha512") == sha512(CONTENT[:end])

    @pytest.mark.parametrize("size", [10, 5000, len(LARGE)])
    def test_a_buffer_may_be_reused(self, store: BlobStore, size: int) -> None:
        """Written bytes do not change when the caller reuses the buffer."""
        buffer = bytearray(size)
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            buffer[:] = LARGE[:size]
            session.append(memoryview(buffer))
            buffer[:] = LARGE[-size:]
            session.append(buffer)
            buffer[:] = bytes(size)
            session.commit(sha256(LARGE[:size] + LARGE[-size:]))
        expected = LARGE[:size] + LARGE[-size:]
        assert content_of(store, sha256(expected)) == expected

    def test_a_view_of_larger_items(self, store: BlobStore) -> None:
        """A view counts in bytes, whatever its items are."""
        numbers = array("I", range(1000))
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.append(memoryview(numbers))
            assert session.size == 1000 * numbers.itemsize
            assert session.digest() == sha256(numbers.tobytes())

    def test_many_tiny_parts(self, store: BlobStore) -> None:
        """A body that arrives in single bytes is a blob like any other."""
        content = CONTENT[:10_000]
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            for position in range(len(content)):
                session.append(content[position : position + 1])
                session.append(b"")
            session.commit(sha256(content))
        assert content_of(store, sha256(content)) == content

    def test_sessions_follow_one_another(self, store: BlobStore) -> None:
        """A later session continues where the last one was acknowledged."""
        upload_id = new_upload_id()
        append(store, upload_id, LARGE[:100])
        append(store, upload_id, LARGE[100:MIB], 100)
        with store.upload(upload_id) as session:
            assert session.size == MIB
            session.resume_at(MIB)
            session.append(LARGE[MIB:])
            session.commit(sha256(LARGE))
        assert content_of(store, sha256(LARGE)) == LARGE

    @pytest.mark.parametrize("acknowledged", [0, 1, 99, 100, 101, 5000, 10_000])
    def test_resume_cuts_what_was_not_acknowledged(
        self, store: BlobStore, acknowledged: int
    ) -> None:
        """Bytes beyond the position are removed from size, digest and blob."""
        upload_id = new_upload_id()
        with store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT[:100])
            session.append(bytes(9900))
        expected = (CONTENT[:100] + bytes(9900))[:acknowledged] + LARGE
        with store.upload(upload_id) as session:
            session.resume_at(acknowledged)
            assert session.size == acknowledged
            session.append(LARGE)
            session.commit(sha256(expected))
        assert content_of(store, sha256(expected)) == expected

    def test_resume_where_bytes_are_missing(self, store: BlobStore) -> None:
        """A position beyond the bytes is refused with their number, and the bytes stay."""
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        with store.upload(upload_id) as session:
            with pytest.raises(UploadTruncated) as refusal:
                session.resume_at(len(CONTENT) + 1)
            assert refusal.value.size == len(CONTENT)
            assert refusal.value.upload_id == upload_id
            assert session.size == len(CONTENT)
            assert session.digest() == sha256(CONTENT)

    def test_resume_an_upload_that_the_store_lost(self, store: BlobStore) -> None:
        """A missing upload has no bytes, and asking for it creates none."""
        with store.upload(new_upload_id()) as session, pytest.raises(UploadTruncated) as refusal:
            session.resume_at(1)
        assert refusal.value.size == 0
        assert list(store.upload_ids()) == []

    def test_resume_at_a_negative_position(self, store: BlobStore) -> None:
        """A negative position is an error of the caller, and changes nothing."""
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        with store.upload(upload_id) as session:
            with pytest.raises(ValueError, match="-1"):
                session.resume_at(-1)
            assert session.digest() == sha256(CONTENT)

    def test_commit_under_a_wrong_digest(self, store: BlobStore) -> None:
        """A wrong digest is refused, and the upload stays."""
        upload_id = new_upload_id()
        with store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT)
            for claimed in (UNKNOWN, sha512(CONTENT[1:])):
                with pytest.raises(DigestMismatch) as refusal:
                    session.commit(claimed)
                assert refusal.value.digest == claimed
                assert refusal.value.actual in (sha256(CONTENT), sha512(CONTENT))
            assert list(store.digests()) == []
            session.commit(sha256(CONTENT))
        assert list(store.digests()) == [sha256(CONTENT)]

    def test_commit_ends_the_upload(self, store: BlobStore) -> None:
        """The upload id is free after the commit, without any bytes."""
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        with store.upload(upload_id) as session:
            session.commit(sha256(CONTENT))
        assert list(store.upload_ids()) == []
        with store.upload(upload_id) as session:
            assert session.size == 0
            assert session.digest() == sha256(b"")

    def test_commit_what_is_there_already(self, store: BlobStore) -> None:
        """The same bytes can be committed any number of times, also while they are read."""
        with store.open(committed(store, LARGE)) as blob:
            chunks = blob.chunks()
            first = next(chunks)
            committed(store, LARGE)
            assert first + b"".join(chunks) == LARGE
        assert list(store.digests()) == [sha256(LARGE)]
        assert content_of(store, sha256(LARGE)) == LARGE

    @pytest.mark.parametrize(
        "use",
        [
            lambda session: session.resume_at(0),
            lambda session: session.append(b"x"),
            lambda session: session.digest(),
            lambda session: session.flush(),
            lambda session: session.acknowledge(),
            lambda session: session.commit(sha256(CONTENT)),
        ],
        ids=["resume_at", "append", "digest", "flush", "acknowledge", "commit"],
    )
    def test_a_session_that_is_over(self, store: BlobStore, use: Callable[[object], None]) -> None:
        """After `commit`, and after the block, a session can do nothing."""
        with store.upload(new_upload_id()) as left:
            left.resume_at(0)
            left.append(CONTENT)
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.append(CONTENT)
            session.commit(sha256(CONTENT))
            with pytest.raises(ValueError, match="over"):
                use(session)
        with pytest.raises(ValueError, match="over"):
            use(left)
        assert content_of(store, sha256(CONTENT)) == CONTENT

    def test_an_error_in_the_block_keeps_the_upload(self, store: BlobStore) -> None:
        """An error in the block keeps the received bytes for the next session, as when a client goes away."""
        upload_id = new_upload_id()

        def break_off() -> None:
            with store.upload(upload_id) as session:
                session.resume_at(0)
                session.append(CONTENT)
                raise ConnectionResetError

        with pytest.raises(ConnectionResetError):
            break_off()
        with store.upload(upload_id) as session:
            assert session.size == len(CONTENT)
            session.commit(sha256(CONTENT))

    def test_cancel(self, store: BlobStore) -> None:
        """A cancelled upload is missing, the others stay, and cancelling again succeeds."""
        upload_id, other = new_upload_id(), new_upload_id()
        append(store, upload_id, CONTENT)
        append(store, other, LARGE)
        store.cancel(upload_id)
        store.cancel(upload_id)
        assert list(store.upload_ids()) == [other]
        with store.upload(upload_id) as session:
            assert session.size == 0
            session.append(LARGE)
            assert session.digest() == sha256(LARGE)

    def test_cancel_during_a_session(self, store: BlobStore) -> None:
        """A session whose upload was cancelled writes without effect, and cannot commit."""
        upload_id = new_upload_id()
        with store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT[:10])
            store.cancel(upload_id)
            session.append(CONTENT[10:])
            with pytest.raises(UploadCancelled) as refusal:
                session.commit(sha256(CONTENT))
        assert refusal.value.upload_id == upload_id
        assert list(store.digests()) == []
        assert list(store.upload_ids()) == []

    def test_cancel_and_begin_anew_during_a_session(self, store: BlobStore) -> None:
        """The old session cannot commit or remove the bytes of the new one."""
        upload_id = new_upload_id()
        with store.upload(upload_id) as old:
            old.resume_at(0)
            old.append(CONTENT)
            store.cancel(upload_id)
            append(store, upload_id, LARGE)
            with pytest.raises(UploadCancelled):
                old.commit(sha256(CONTENT))
        with store.upload(upload_id) as new:
            new.commit(sha256(LARGE))
        assert list(store.digests()) == [sha256(LARGE)]

    def test_leave_a_cancelled_upload_that_was_begun_anew(self, store: BlobStore) -> None:
        """A session without bytes removes nothing when it is left."""
        upload_id = new_upload_id()
        with store.upload(upload_id):
            store.cancel(upload_id)
            append(store, upload_id, CONTENT)
        with store.upload(upload_id) as session:
            session.commit(sha256(CONTENT))

    def test_sha512_of_an_upload_that_was_cut(self, store: BlobStore) -> None:
        """The digest of an upload that was cut is computed from its present bytes."""
        with store.upload(new_upload_id()) as session:
            session.resume_at(0)
            session.append(CONTENT)
            assert session.digest("sha512") == sha512(CONTENT)
            session.resume_at(1000)
            assert session.digest("sha512") == sha512(CONTENT[:1000])

    def test_uploads_are_listed(self, store: BlobStore) -> None:
        """Unfinished uploads are listed, so that orphans are found; those without bytes are not."""
        orphan, current, unused = new_upload_id(), new_upload_id(), new_upload_id()
        append(store, orphan, CONTENT)
        with store.upload(unused) as session:
            session.resume_at(0)
        with store.upload(current):
            assert sorted(store.upload_ids()) == sorted([orphan, current])
        assert list(store.upload_ids()) == [orphan]

    @pytest.mark.parametrize("upload_id", NO_UPLOAD_IDS)
    def test_text_that_is_no_upload_id(
        self, store: BlobStore, upload_id: str, tmp_path: Path
    ) -> None:
        """A text that is no UUID never becomes a path."""
        append(store, new_upload_id(), CONTENT)
        before = files_below(tmp_path)
        with pytest.raises(ValueError, match="not an upload id"), store.upload(upload_id):
            pass
        with pytest.raises(ValueError, match="not an upload id"):
            store.cancel(upload_id)
        assert files_below(tmp_path) == before

    def test_clear(self, store: BlobStore) -> None:
        """The cleared store is empty, and can be used further."""
        committed(store, CONTENT)
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        store.clear()
        assert list(store.digests()) == []
        assert list(store.upload_ids()) == []
        with pytest.raises(BlobNotFound):
            store.open(sha256(CONTENT))
        append(store, upload_id, LARGE)
        assert content_of(store, committed(store, CONTENT)) == CONTENT

    def test_clear_during_a_session(self, store: BlobStore) -> None:
        """A session does not outlive the store's content."""
        committed(store, CONTENT)
        with store.upload(new_upload_id()) as upload:
            upload.resume_at(0)
            upload.append(LARGE)
            store.clear()
            with pytest.raises(UploadCancelled):
                upload.commit(sha256(LARGE))
        assert list(store.digests()) == []


class UploadModel:
    """The bytes that an upload must have, to compare a store with."""

    def __init__(self, stores: Iterator[BlobStore]) -> None:
        self.stores = stores
        self.store = next(stores)
        self.upload_id = new_upload_id()
        self.content = b""

    def run(self, sessions: list[list[tuple[str, int]]]) -> None:
        for steps in sessions:
            with self.store.upload(self.upload_id) as session:
                for action, number in steps:
                    if action == "append":
                        piece = random.Random(number).randbytes(number)
                        session.append(piece)
                        self.content += piece
                    elif action == "resume":
                        position = number * len(self.content) // 9000
                        session.resume_at(position)
                        self.content = self.content[:position]
                    else:
                        assert session.digest() == sha256(self.content)
                        assert session.digest("sha512") == sha512(self.content)
                    assert session.size == len(self.content)
            self.store = next(self.stores)
        with self.store.upload(self.upload_id) as session:
            session.commit(sha256(self.content))
        assert content_of(self.store, sha256(self.content)) == self.content


SESSIONS = st.lists(
    st.lists(
        st.tuples(st.sampled_from(["append", "resume", "digest"]), st.integers(0, 9000)), max_size=6
    ),
    max_size=5,
)


class TestAnySequenceOfSessions:
    @given(sessions=SESSIONS)
    @settings(max_examples=100, deadline=None)
    def test_in_memory(self, sessions: list[list[tuple[str, int]]]) -> None:
        """Writing and resuming in any order yields the expected bytes and digest."""
        store = MemoryBlobStore()
        UploadModel(iter(lambda: store, None)).run(sessions)

    @given(sessions=SESSIONS)
    @settings(max_examples=25, deadline=None)
    def test_in_a_directory(self, sessions: list[list[tuple[str, int]]]) -> None:
        """A store in a directory behaves like one in memory."""
        with tempfile.TemporaryDirectory() as directory:
            store = DirectoryBlobStore(directory)
            UploadModel(iter(lambda: store, None)).run(sessions)

    @given(sessions=SESSIONS)
    @settings(max_examples=25, deadline=None)
    def test_with_a_restart_after_each(self, sessions: list[list[tuple[str, int]]]) -> None:
        """A store that is opened anew for each session behaves like one in memory."""
        with tempfile.TemporaryDirectory() as directory:
            UploadModel(iter(lambda: DirectoryBlobStore(directory), None)).run(sessions)


class TestThreads:
    def test_a_second_session_waits_for_the_first(self, store: BlobStore) -> None:
        """A second session waits, and finds all that the first wrote."""
        upload_id = new_upload_id()
        entered = Event()
        sizes: list[int] = []

        def continue_upload() -> None:
            with store.upload(upload_id) as session:
                entered.set()
                sizes.append(session.size)
                session.append(CONTENT[10:])
                session.commit(sha256(CONTENT))

        thread = Thread(target=continue_upload)
        with store.upload(upload_id) as session:
            thread.start()
            session.resume_at(0)
            session.append(CONTENT[:10])
            assert not entered.wait(0.1)
        thread.join()
        assert sizes == [10]
        assert content_of(store, sha256(CONTENT)) == CONTENT

    def test_a_session_that_waited_while_the_upload_was_committed(self, store: BlobStore) -> None:
        """The waiting session begins a new upload, and does not change the blob that was made meanwhile."""
        upload_id = new_upload_id()
        about_to_ask = Event()
        sizes: list[int] = []

        def begin_anew() -> None:
            about_to_ask.set()
            with store.upload(upload_id) as session:
                sizes.append(session.size)
                session.append(LARGE)

        for _ in range(20):
            about_to_ask.clear()
            thread = Thread(target=begin_anew)
            with store.upload(upload_id) as session:
                session.resume_at(0)
                session.append(CONTENT)
                thread.start()
                about_to_ask.wait()
                session.commit(sha256(CONTENT))
            thread.join()
            assert content_of(store, sha256(CONTENT)) == CONTENT
        assert sizes == [0] * 20
        assert list(store.upload_ids()) == [upload_id]

    def test_other_uploads_do_not_wait(self, store: BlobStore) -> None:
        """Sessions of different uploads are open at the same time."""
        with store.upload(new_upload_id()) as one, store.upload(new_upload_id()) as other:
            one.resume_at(0)
            other.resume_at(0)
            one.append(CONTENT[:5])
            other.append(LARGE)
            one.append(CONTENT[5:])
            other.commit(sha256(LARGE))
            one.commit(sha256(CONTENT))
        assert sorted(store.digests()) == sorted([sha256(CONTENT), sha256(LARGE)])

    def test_the_same_blob_from_many_threads_at_once(self, store: BlobStore) -> None:
        """All commits succeed, and one blob exists."""
        barrier = Barrier(8)
        # moto's S3 now and then fails where several write one object at once. Transactions commit them in turn anyway.
        turn = Lock() if isinstance(store, S3BlobStore) else nullcontext()

        def push() -> None:
            with store.upload(new_upload_id()) as session:
                session.resume_at(0)
                session.append(LARGE)
                barrier.wait(30)
                with turn:
                    session.commit(sha256(LARGE))

        with ThreadPoolExecutor(8) as threads:
            for push_of_one in [threads.submit(push) for _ in range(8)]:
                push_of_one.result()
        assert list(store.digests()) == [sha256(LARGE)]
        assert list(store.upload_ids()) == []
        assert content_of(store, sha256(LARGE)) == LARGE

    def test_many_uploads_readers_and_deletions_at_once(self, store: BlobStore) -> None:
        """Threads that push, read and delete separate blobs do not affect each other."""
        barrier = Barrier(8)

        def use(number: int) -> str:
            barrier.wait(30)
            for round_ in range(6):
                content = random.Random(number * 100 + round_).randbytes(MIB + number)
                upload_id = new_upload_id()
                append(store, upload_id, content[:1000])
                with store.upload(upload_id) as session:
                    session.resume_at(1000)
                    session.append(memoryview(content)[1000:])
                    session.commit(sha256(content))
                assert content_of(store, sha256(content)) == content
                store.delete(sha256(content))
            return committed(store, content)

        with ThreadPoolExecutor(8) as threads:
            kept = list(threads.map(use, range(8)))
        assert sorted(store.digests()) == sorted(kept)
        assert list(store.upload_ids()) == []

    def test_many_threads_append_to_one_upload(self, store: BlobStore) -> None:
        """No byte of any session is lost or doubled."""
        upload_id = new_upload_id()

        def append_line(number: int) -> None:
            with store.upload(upload_id) as session:
                session.append(b"%03d" % number)
                session.append(b"\n")

        with ThreadPoolExecutor(8) as threads:
            list(threads.map(append_line, range(100)))
        with store.upload(upload_id) as session:
            digest = session.digest()
            session.commit(digest)
        lines = content_of(store, digest).split()
        assert sorted(lines) == [b"%03d" % number for number in range(100)]


class TestMemory:
    def test_bytes_are_kept_without_a_copy(self) -> None:
        """Writing and committing `bytes` allocates next to nothing."""
        store = MemoryBlobStore()
        part = bytes(8 * MIB)
        tracemalloc.start()
        try:
            with store.upload(new_upload_id()) as session:
                session.resume_at(0)
                for _ in range(8):
                    session.append(part)
                session.commit(session.digest())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < MIB

    def test_buffers_are_copied_once(self) -> None:
        """A blob from a reused buffer costs its size, also while it is committed and read."""
        store = MemoryBlobStore()
        buffer = memoryview(bytearray(4 * MIB))
        tracemalloc.start()
        try:
            with store.upload(new_upload_id()) as session:
                session.resume_at(0)
                for _ in range(16):
                    session.append(buffer)
                digest = session.digest()
                session.commit(digest)
            with store.open(digest) as blob:
                assert sum(len(chunk) for chunk in blob.chunks()) == 64 * MIB
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 68 * MIB

    def test_tiny_parts_cost_little_more_than_their_bytes(self) -> None:
        """A client that sends single bytes does not make the store keep an object for each."""
        store = MemoryBlobStore()
        tracemalloc.start()
        try:
            with store.upload(new_upload_id()) as session:
                session.resume_at(0)
                for number in range(100_000):
                    session.append(bytes([number % 251]))
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 150_000

    def test_no_file_to_send(self) -> None:
        """A blob in memory has no file to send."""
        store = MemoryBlobStore()
        assert store.open(committed(store, CONTENT)).fileno() is None


class TestDirectory:
    def test_layout(self, directory_store: DirectoryBlobStore, directory: Path) -> None:
        """Blobs are stored by algorithm and first two digits, uploads by id; only their owner can read them."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        committed(directory_store, CONTENT)
        encoded = hashlib.sha256(CONTENT).hexdigest()
        assert files_below(directory) == [
            f"blobs/sha256/{encoded[:2]}/{encoded}",
            f"uploads/{upload_id}",
        ]
        paths = [directory, *directory.rglob("*")]
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_file()} == {0o600}
        assert {path.stat().st_mode & 0o777 for path in paths if path.is_dir()} == {0o700}

    def test_directories_are_made(self, tmp_path: Path) -> None:
        """The directory need not exist, nor those above it."""
        store = DirectoryBlobStore(tmp_path / "some" / "where")
        committed(store, CONTENT)
        assert (tmp_path / "some" / "where" / "blobs").is_dir()

    def test_a_relative_path_stays_where_it_was(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A relative directory is found after the process changed its current directory."""
        monkeypatch.chdir(tmp_path)
        store = DirectoryBlobStore("data")
        digest = committed(store, CONTENT)
        monkeypatch.chdir("/")
        assert content_of(store, digest) == CONTENT

    def test_restart(self, directory_store: DirectoryBlobStore, directory: Path) -> None:
        """Another process finds the blobs and continues the uploads."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, LARGE[: 3 * MIB])
        digest = committed(directory_store, CONTENT)

        restarted = DirectoryBlobStore(directory)
        assert content_of(restarted, digest) == CONTENT
        assert list(restarted.upload_ids()) == [upload_id]
        with restarted.upload(upload_id) as session:
            session.resume_at(3 * MIB)
            session.append(LARGE[3 * MIB :])
            assert session.digest() == sha256(LARGE)
            session.commit(sha256(LARGE))
        assert content_of(directory_store, sha256(LARGE)) == LARGE

    def test_restart_after_bytes_were_lost(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """Fewer bytes than were acknowledged are reported, and not replaced."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        os.truncate(directory / "uploads" / upload_id, 1000)
        with DirectoryBlobStore(directory).upload(upload_id) as session:
            with pytest.raises(UploadTruncated) as refusal:
                session.resume_at(len(CONTENT))
            assert refusal.value.size == 1000
            session.resume_at(1000)
            session.append(CONTENT[1000:])
            assert session.digest() == sha256(CONTENT)

    def test_another_server_continues_an_upload(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """Requests of one upload may go to different servers that share the directory."""
        other = DirectoryBlobStore(directory)
        upload_id = new_upload_id()
        append(directory_store, upload_id, LARGE[:MIB])
        append(other, upload_id, LARGE[MIB : 2 * MIB], MIB)
        with directory_store.upload(upload_id) as session:
            session.resume_at(2 * MIB)
            session.append(LARGE[2 * MIB :])
            assert session.digest() == sha256(LARGE)
            session.commit(sha256(LARGE))

    def test_another_server_wrote_other_bytes_of_the_same_number(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """A server's memory of an upload is valid only while its file is unchanged."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT[:1000] + bytes(1000))
        append(DirectoryBlobStore(directory), upload_id, CONTENT[1000:2000], 1000)
        # Files have times by the tick of some milliseconds; as if one had gone by.
        path = directory / "uploads" / upload_id
        os.utime(path, ns=(0, path.stat().st_mtime_ns + 10_000_000))
        with directory_store.upload(upload_id) as session:
            session.resume_at(2000)
            assert session.digest() == sha256(CONTENT[:2000])

    def test_sessions_of_other_servers_wait(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """A session waits for one of the same upload at another server."""
        other = DirectoryBlobStore(directory)
        upload_id = new_upload_id()
        entered = Event()
        sizes: list[int] = []

        def continue_upload() -> None:
            with other.upload(upload_id) as session:
                entered.set()
                sizes.append(session.size)

        thread = Thread(target=continue_upload)
        with directory_store.upload(upload_id) as session:
            thread.start()
            session.resume_at(0)
            session.append(CONTENT)
            assert not entered.wait(0.1)
        thread.join()
        assert sizes == [len(CONTENT)]

    def test_bytes_are_read_back_only_when_they_must(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An upload in pieces, one of them broken off and sent again, is hashed as it arrives."""
        monkeypatch.delattr(files, "read_at")
        upload_id = new_upload_id()
        append(directory_store, upload_id, LARGE[:MIB])
        with directory_store.upload(upload_id) as broken_off:
            broken_off.resume_at(MIB)
            broken_off.append(LARGE[MIB : 3 * MIB])
        append(directory_store, upload_id, LARGE[MIB:], MIB)
        with directory_store.upload(upload_id) as session:
            session.resume_at(len(LARGE))
            session.commit(sha256(LARGE))

    def test_bytes_are_read_back_once_after_a_restart(
        self,
        directory_store: DirectoryBlobStore,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A new process reads an upload's bytes only once, also if the next body breaks off."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, LARGE[:MIB])
        restarted = DirectoryBlobStore(directory)
        with restarted.upload(upload_id) as broken_off:
            broken_off.resume_at(MIB)
            broken_off.append(LARGE[MIB : 3 * MIB])
        monkeypatch.delattr(files, "read_at")
        append(restarted, upload_id, LARGE[MIB:], MIB)
        with restarted.upload(upload_id) as session:
            session.commit(sha256(LARGE))

    def test_progress_is_kept_of_a_limited_number_of_uploads(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of any number of abandoned uploads only the last cost memory; the others still work."""
        monkeypatch.setattr(progress, "_UPLOADS_REMEMBERED", 2)
        directory_store = DirectoryBlobStore(directory)
        uploads = [new_upload_id() for _ in range(4)]
        for upload_id in uploads:
            append(directory_store, upload_id, CONTENT[:1000])
        for upload_id in uploads:
            append(directory_store, upload_id, CONTENT[1000:], 1000)
        with monkeypatch.context() as patch:
            patch.delattr(files, "read_at")
            for upload_id in uploads[2:]:
                with directory_store.upload(upload_id) as session:
                    assert session.digest() == sha256(CONTENT)
            with (
                directory_store.upload(uploads[0]) as session,
                pytest.raises(AttributeError, match="read_at"),
            ):
                session.digest()
        with directory_store.upload(uploads[0]) as session:
            assert session.digest() == sha256(CONTENT)

    def test_a_large_upload_in_large_pieces(self, directory_store: DirectoryBlobStore) -> None:
        """Pieces that are hashed beside being written, and written back early, come out whole."""
        content = LARGE * 6
        with directory_store.upload(new_upload_id()) as session:
            session.resume_at(0)
            for start in range(0, len(content), 4 * MIB):
                session.append(memoryview(content)[start : start + 4 * MIB])
            session.resume_at(9 * MIB)
            session.append(content[9 * MIB :])
            session.commit(sha256(content))
        assert content_of(directory_store, sha256(content)) == content

    def test_file_for_sendfile_and_mmap(self, directory_store: DirectoryBlobStore) -> None:
        """The descriptor of a blob is a file of only its bytes, deleted or not."""
        with directory_store.open(committed(directory_store, LARGE)) as blob:
            directory_store.delete(sha256(LARGE))
            descriptor = blob.fileno()
            assert descriptor is not None
            with mmap.mmap(descriptor, blob.size, access=mmap.ACCESS_READ) as view:
                assert view[:] == LARGE

    def test_a_closed_blob_is_not_read(self, directory_store: DirectoryBlobStore) -> None:
        """After `close` no chunk comes from a file that has the same number by now."""
        blob = directory_store.open(committed(directory_store, LARGE))
        chunks = blob.chunks()
        next(chunks)
        blob.close()
        blob.close()
        with pytest.raises(ValueError, match="closed"):
            next(chunks)

    def test_no_descriptor_is_left_open(self, directory_store: DirectoryBlobStore) -> None:
        """A session closes its file however it ends."""
        committed(directory_store, CONTENT)
        before = sorted(os.listdir("/dev/fd"))
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        with directory_store.upload(upload_id) as session, pytest.raises(DigestMismatch):
            session.commit(UNKNOWN)
        with directory_store.upload(upload_id) as session:
            session.commit(sha256(CONTENT))
        with pytest.raises(BlobNotFound):
            directory_store.open(UNKNOWN)
        content_of(directory_store, sha256(CONTENT))
        assert sorted(os.listdir("/dev/fd")) == before

    def test_files_of_others_are_left_alone(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """Files that are not blobs or uploads are not listed and not cleared."""
        committed(directory_store, CONTENT)
        strangers = [
            directory / "registry.db",
            directory / "uploads" / "notes.txt",
            directory / "blobs" / "sha256" / "README",
            directory / "blobs" / "sha256" / "00" / "ff" / "deep",
            directory / "blobs" / "sha256" / "00" / ("f" * 64),
            directory / "blobs" / "sha256" / "f" / ("f" * 64),
        ]
        for path in strangers:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"mine")
        assert list(directory_store.digests()) == [sha256(CONTENT)]
        assert list(directory_store.upload_ids()) == []
        directory_store.clear()
        assert files_below(directory) == sorted(
            str(path.relative_to(directory)) for path in strangers
        )

    def test_a_blob_file_that_lost_its_end(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """Reading a shortened file fails at its end, instead of running on."""
        with directory_store.open(committed(directory_store, LARGE)) as blob:
            os.truncate(directory / files_below(directory)[0], CHUNK)
            chunks = blob.chunks()
            assert next(chunks) == LARGE[:CHUNK]
            with pytest.raises(OSError, match="ends at byte") as failure:
                next(chunks)
            assert failure.value.errno == errno.EIO

    def test_commit_refuses_a_file_that_somebody_else_wrote_to(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """Bytes that another program wrote do not become part of a blob."""
        upload_id = new_upload_id()
        with directory_store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT)
            with (directory / "uploads" / upload_id).open("ab") as file:
                file.write(b"x")
            with pytest.raises(OSError, match="holds"):
                session.commit(sha256(CONTENT))
        assert list(directory_store.digests()) == []

    def test_what_follows_the_commit_fails(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """After an error the upload is unchanged, and can be committed again or continued; the blob is not harmed."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)

        def commit_and_fail(content: bytes) -> None:
            with directory_store.upload(upload_id) as session:
                session.resume_at(len(CONTENT))
                session.append(content[len(CONTENT) :])
                session.commit(sha256(content))
                raise ZeroDivisionError

        for content in (CONTENT, CONTENT + LARGE):
            with pytest.raises(ZeroDivisionError):
                commit_and_fail(content)
            assert list(directory_store.upload_ids()) == [upload_id]

        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.commit(sha256(CONTENT))

        assert sorted(directory_store.digests()) == sorted(map(sha256, (CONTENT, CONTENT + LARGE)))
        for content in (CONTENT, CONTENT + LARGE):
            assert directory_store.verify(sha256(content)) == len(content)
            assert content_of(DirectoryBlobStore(directory), sha256(content)) == content
        assert list(directory_store.upload_ids()) == []

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
    def test_a_file_system_without_second_names(
        self,
        directory_store: DirectoryBlobStore,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
    ) -> None:
        """A blob gets its upload's file on a file system without hard links."""

        def refuse(source: str, target: str) -> None:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "link", refuse)
        for _ in range(2):
            assert content_of(directory_store, committed(directory_store, CONTENT)) == CONTENT
        assert list(directory_store.upload_ids()) == []


def flip_a_bit(directory: Path, digest: str) -> None:
    """Change one bit in the middle of a blob's file."""
    encoded = digest.partition(":")[2]
    path = directory / "blobs" / "sha256" / encoded[:2] / encoded
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


class TestDamage:
    @pytest.mark.parametrize("is_restarted", [False, True])
    def test_is_noticed(
        self, directory_store: DirectoryBlobStore, directory: Path, is_restarted: bool
    ) -> None:
        """A damaged file is not opened, by the process that wrote it or by the next one."""
        digest = committed(directory_store, LARGE)
        content_of(directory_store, digest)
        flip_a_bit(directory, digest)
        store = DirectoryBlobStore(directory) if is_restarted else directory_store
        for _ in range(2):
            with pytest.raises(BlobDamaged):
                store.open(digest)
        with pytest.raises(BlobDamaged):
            store.verify(digest)

    def test_is_healed_by_a_push(
        self, directory_store: DirectoryBlobStore, directory: Path
    ) -> None:
        """The bytes of the next upload replace damaged ones."""
        digest = committed(directory_store, LARGE)
        flip_a_bit(directory, digest)
        with pytest.raises(BlobDamaged):
            directory_store.open(digest)
        committed(directory_store, LARGE)
        assert content_of(directory_store, digest) == LARGE
        assert directory_store.verify(digest) == len(LARGE)

    def test_a_file_is_read_once(
        self,
        directory_store: DirectoryBlobStore,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A received blob is not read for verification; one of another process is read once, by one of many."""
        digest = committed(directory_store, LARGE)
        reads: list[int] = []
        read_at = files.read_at

        def record(descriptor: int, size: int, position: int) -> bytes:
            reads.append(position)
            return read_at(descriptor, size, position)

        monkeypatch.setattr(files, "read_at", record)
        directory_store.open(digest).close()
        assert reads == []
        store = DirectoryBlobStore(directory)
        with ThreadPoolExecutor(8) as threads:
            for blob in threads.map(store.open, [digest] * 8):
                blob.close()
        assert len(reads) == -(-len(LARGE) // CHUNK)

    def test_a_limited_number_of_blobs_is_remembered(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Blobs beyond the limit are read again, and served."""
        monkeypatch.setattr(verification, "_BLOBS_REMEMBERED", 2)
        directory_store = DirectoryBlobStore(directory)
        contents = [CONTENT[:size] for size in (10, 20, 30)]
        digests = [committed(directory_store, content) for content in contents]
        assert [content_of(directory_store, digest) for digest in digests] == contents


class FullDisk:
    """`os.write` of a disk that has room for `room` more bytes, and writes `at_once` at most."""

    def __init__(self, room: int, at_once: int) -> None:
        self.room = room
        self.at_once = at_once
        self.write = os.write

    def __call__(self, descriptor: int, data: memoryview) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = self.write(descriptor, data[: min(self.room, self.at_once)])
        self.room -= written
        return written


class TestDiskErrors:
    def test_short_writes(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A write that was short is continued."""
        monkeypatch.setattr(os, "write", FullDisk(room=2 * len(LARGE), at_once=70_001))
        assert content_of(directory_store, committed(directory_store, LARGE)) == LARGE

    @pytest.mark.parametrize("piece", [CONTENT, LARGE], ids=["small", "large"])
    @pytest.mark.parametrize("room", [0, 1, 200_000])
    def test_full_disk(
        self,
        directory_store: DirectoryBlobStore,
        monkeypatch: pytest.MonkeyPatch,
        piece: bytes,
        room: int,
    ) -> None:
        """The caller gets the error, and can resume in the same session."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            with monkeypatch.context() as patch:
                patch.setattr(os, "write", FullDisk(room, at_once=MIB))
                with pytest.raises(OSError, match="No space left") as failure:
                    session.append(piece)
                assert failure.value.errno == errno.ENOSPC
            assert session.size == len(CONTENT) + room
            assert session.digest() == sha256(CONTENT + piece[:room])
            session.resume_at(len(CONTENT))
            session.append(piece)
            session.commit(sha256(CONTENT + piece))
        assert content_of(directory_store, sha256(CONTENT + piece)) == CONTENT + piece

    @pytest.mark.parametrize("piece", [CONTENT, LARGE], ids=["small", "large"])
    def test_full_disk_and_a_later_session(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch, piece: bytes
    ) -> None:
        """The upload continues at the acknowledged bytes once there is room again."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", FullDisk(room=1234, at_once=MIB))
            with pytest.raises(OSError, match="No space left"):
                append(directory_store, upload_id, piece, len(CONTENT))
        append(directory_store, upload_id, piece, len(CONTENT))
        with directory_store.upload(upload_id) as session:
            session.commit(sha256(CONTENT + piece))
        assert content_of(directory_store, sha256(CONTENT + piece)) == CONTENT + piece

    @pytest.mark.parametrize("act", ["flush", "commit"])
    def test_a_flush_that_fails_discards_the_upload(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch, act: str
    ) -> None:
        """A failed flush discards the upload, whose bytes are sent again: another fsync would succeed without them on
        disk.

        https://wiki.postgresql.org/wiki/Fsync_Errors
        """
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)

        def fail(descriptor: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.append(LARGE)
            digest = session.digest()
            arguments = [digest] if act == "commit" else []
            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", fail)
                with pytest.raises(OSError, match="Input/output error"):
                    getattr(session, act)(*arguments)
            with pytest.raises(ValueError, match="over"):
                session.commit(digest)
        assert list(directory_store.digests()) == []
        assert list(directory_store.upload_ids()) == []
        with pytest.raises(UploadTruncated):
            append(directory_store, upload_id, LARGE, len(CONTENT))
        append(directory_store, upload_id, CONTENT + LARGE)
        with directory_store.upload(upload_id) as session:
            session.commit(digest)
        assert content_of(directory_store, digest) == CONTENT + LARGE

    def test_a_discarded_upload_whose_file_stays(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A discarded upload's file that cannot be removed, as on a read-only disk, is ignored until it can be."""
        upload_id = new_upload_id()

        def fail(*arguments: object) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            patch.setattr(os, "unlink", fail)
            with pytest.raises(UploadDiscarded):
                append(directory_store, upload_id, CONTENT)
            with pytest.raises(OSError, match="Input/output error"):
                append(directory_store, upload_id, b"", len(CONTENT))
        with pytest.raises(UploadTruncated):
            append(directory_store, upload_id, b"", len(CONTENT))

    def test_a_directory_that_cannot_be_synced(
        self, directory_store: DirectoryBlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An upload is discarded if its blob's directory cannot be synced, and another push makes a new name."""
        committed(directory_store, LARGE)  # All directories are there.
        fsync = os.fsync

        def fail(descriptor: int) -> None:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            fsync(descriptor)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(UploadDiscarded):
                committed(directory_store, CONTENT)
        assert list(directory_store.upload_ids()) == []
        synced: list[bool] = []
        with monkeypatch.context() as patch:
            patch.setattr(
                os, "fsync", lambda each: synced.append(stat.S_ISDIR(os.fstat(each).st_mode))
            )
            committed(directory_store, CONTENT)
        assert synced == [False, True]

    @pytest.mark.parametrize("fails_at", [0, 1, 2, 4, 5])
    def test_directories_that_cannot_be_synced(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, fails_at: int
    ) -> None:
        """Directories that cannot be synced are made again, since another sync would not report the loss."""
        calls: list[str] = []
        fsync = os.fsync

        def fail(descriptor: int) -> None:
            calls.append(os.readlink(f"/proc/self/fd/{descriptor}"))
            if len(calls) == fails_at + 1:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            fsync(descriptor)

        monkeypatch.setattr(os, "fsync", fail)
        for _ in range(2):
            try:
                committed(DirectoryBlobStore(directory), CONTENT)
            except OSError:
                continue
        synced = [each.removeprefix(str(directory.parent)) for each in calls]
        failed = synced.pop(fails_at)
        assert failed in synced
        assert content_of(DirectoryBlobStore(directory), sha256(CONTENT)) == CONTENT

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be told to read from disk")
    def test_bytes_of_another_process_are_read_from_disk(
        self,
        directory_store: DirectoryBlobStore,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Bytes of another process are read from disk: it may have been killed after a failed fsync, with the bytes
        only in memory.
        """
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        dropped: list[tuple[int, int, int]] = []
        monkeypatch.setattr(os, "posix_fadvise", lambda _, *rest: dropped.append(rest))
        append(directory_store, upload_id, CONTENT, len(CONTENT))
        assert dropped == []
        append(DirectoryBlobStore(directory), upload_id, CONTENT, 2 * len(CONTENT))
        assert dropped == [(0, 0, os.POSIX_FADV_DONTNEED)]


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The operations on the disk, in order: files synced, linked and removed, by their last names."""
    events: list[str] = []
    fsync, link, unlink = os.fsync, os.link, os.unlink

    def record_fsync(descriptor: int) -> None:
        fsync(descriptor)
        events.append(f"sync {os.path.basename(os.readlink(f'/proc/self/fd/{descriptor}'))}")

    def record_link(source: str, target: str) -> None:
        link(source, target)
        events.append(f"link {os.path.basename(source)} {os.path.basename(target)}")

    def record_unlink(path: str) -> None:
        unlink(path)
        events.append(f"unlink {os.path.basename(path)}")

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(os, "link", record_link)
    monkeypatch.setattr(os, "unlink", record_unlink)
    return events


class TestDurability:
    ENCODED = hashlib.sha256(CONTENT).hexdigest()

    def test_new_directories(self, directory: Path, disk: list[str]) -> None:
        """A new directory is synced to the one above it."""
        store = DirectoryBlobStore(directory)
        assert disk == [
            f"sync {directory.parent.name}",
            "sync data",
            "sync data",
        ]
        disk.clear()
        committed(store, CONTENT)
        assert disk[1:3] == ["sync blobs", "sync sha256"]

    def test_commit_without_flush(
        self, directory_store: DirectoryBlobStore, disk: list[str]
    ) -> None:
        """Bytes are synced first, then the name, then its directory; the upload is removed last."""
        committed(directory_store, LARGE)
        disk.clear()
        upload_id = new_upload_id()
        with directory_store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT)
            session.commit(sha256(CONTENT))
        assert disk == [
            f"sync {upload_id}",
            f"link {upload_id} {self.ENCODED}",
            f"sync {self.ENCODED[:2]}",
            f"unlink {upload_id}",
        ]

    def test_what_is_on_disk_is_not_flushed_again(
        self, directory_store: DirectoryBlobStore, disk: list[str]
    ) -> None:
        """The commit of a flushed upload syncs only the new name."""
        committed(directory_store, LARGE)
        disk.clear()
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        assert disk == [f"sync {upload_id}"]
        disk.clear()
        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.flush()
            assert disk == []
            session.commit(sha256(CONTENT))
        assert disk == [
            f"link {upload_id} {self.ENCODED}",
            f"sync {self.ENCODED[:2]}",
            f"unlink {upload_id}",
        ]

    def test_what_was_not_flushed_is_flushed_by_the_next_session(
        self, directory_store: DirectoryBlobStore, disk: list[str]
    ) -> None:
        """The next session flushes bytes that the last one left in the page cache."""
        upload_id = new_upload_id()
        with directory_store.upload(upload_id) as session:
            session.resume_at(0)
            session.append(CONTENT)
        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.flush()
        assert disk == [f"sync {upload_id}"]

    def test_after_a_restart(
        self, directory_store: DirectoryBlobStore, directory: Path, disk: list[str]
    ) -> None:
        """A new process flushes all bytes, as it does not know which are on disk."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT)
        disk.clear()
        with DirectoryBlobStore(directory).upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.flush()
        assert disk == [f"sync {upload_id}"]

    def test_cutting_is_flushed(self, directory_store: DirectoryBlobStore, disk: list[str]) -> None:
        """A cut is flushed, so that no blob gets the cut bytes back."""
        upload_id = new_upload_id()
        append(directory_store, upload_id, CONTENT + LARGE)
        disk.clear()
        with directory_store.upload(upload_id) as session:
            session.resume_at(len(CONTENT))
            session.commit(sha256(CONTENT))
        assert disk[0] == f"sync {upload_id}"
