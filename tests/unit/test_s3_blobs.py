"""Blobs in S3, with several servers of one bucket, and after killed servers."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import IncompleteReadError
from hypothesis import given, settings
from hypothesis import strategies as st

from moto_ecr_ext.storage.blobs.errors import (
    BlobStoreUnavailable,
    DigestMismatch,
    UploadCancelled,
    UploadTruncated,
)
from moto_ecr_ext.storage.blobs.s3 import bucket as s3_bucket
from moto_ecr_ext.storage.blobs.s3 import session as s3_session
from moto_ecr_ext.storage.blobs.s3 import store as s3_store
from moto_ecr_ext.storage.blobs.s3.bucket import S3Bucket
from moto_ecr_ext.storage.blobs.s3.checksums import is_composed_of, md5_in
from moto_ecr_ext.storage.blobs.s3.session import S3UploadSession
from moto_ecr_ext.storage.blobs.s3.store import S3BlobStore
from support.s3_servers import Bucket, S3Server, client_of

pytestmark = [pytest.mark.once, pytest.mark.slow]

MIB = 1024 * 1024
CONTENT = random.Random(1).randbytes(300_000)
LARGE = random.Random(2).randbytes(17 * MIB + 11)


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def new_upload_id() -> str:
    return str(uuid4())


def append(store: S3BlobStore, upload_id: str, content: bytes, position: int = 0) -> None:
    with store.upload(upload_id) as session:
        session.resume_at(position)
        session.append(content)
        session.acknowledge()


def commit(store: S3BlobStore, upload_id: str, content: bytes) -> None:
    with store.upload(upload_id) as session:
        session.resume_at(len(content))
        session.commit(sha256(content))


def content_of(store: S3BlobStore, content: bytes) -> bytes:
    with store.open(sha256(content)) as blob:
        return b"".join(blob.chunks())


@pytest.fixture(params=["moto_s3", "rclone_s3"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    server: S3Server = request.getfixturevalue(request.param)
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    return server.new_bucket()


@pytest.fixture
def start(bucket: Bucket) -> Callable[[], S3BlobStore]:
    """The store of one more server."""
    return lambda: S3BlobStore.at(bucket.url)


@pytest.fixture
def store(start: Callable[[], S3BlobStore]) -> S3BlobStore:
    return start()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the objects that are read."""
    keys: list[str] = []
    read = S3Bucket.read

    def record(self: S3Bucket, key: str, start: int, stop: int) -> Iterator[bytes]:
        keys.append(key)
        return read(self, key, start, stop)

    monkeypatch.setattr(S3Bucket, "read", record)
    return keys


class TestSegments:
    def test_small_ones_become_parts_of_a_blob(self, store: S3BlobStore, bucket: Bucket) -> None:
        """Small neighbours are joined, since S3 refuses parts of less than 5 MiB, except the last."""
        upload_id = new_upload_id()
        position = 0
        for size in (MIB, MIB, 9 * MIB, 1, MIB, len(LARGE) - 12 * MIB - 1):
            append(store, upload_id, LARGE[position : position + size], position)
            position += size
        commit(store, upload_id, LARGE)
        assert content_of(store, LARGE) == LARGE
        assert bucket.keys_of("uploads") == []
        assert bucket.multiparts() == []

    def test_bytes_are_hashed_as_they_arrive(self, store: S3BlobStore, reads: list[str]) -> None:
        """A process that received all bytes reads none of them for the digest."""
        upload_id = new_upload_id()
        append(store, upload_id, LARGE[: 9 * MIB])
        with store.upload(upload_id) as broken_off:
            broken_off.resume_at(9 * MIB)
            broken_off.append(LARGE[9 * MIB :] + b"more")
        append(store, upload_id, LARGE[9 * MIB :], 9 * MIB)
        with store.upload(upload_id) as session:
            assert session.digest() == sha256(LARGE)
        assert reads == []

    def test_what_another_server_appended_is_read_once(
        self, start: Callable[[], S3BlobStore], reads: list[str]
    ) -> None:
        """A process hashes only the bytes that it has not received."""
        one, other = start(), start()
        upload_id = new_upload_id()
        append(one, upload_id, LARGE[: 9 * MIB])
        with other.upload(upload_id) as session:
            session.resume_at(9 * MIB)
            session.append(LARGE[9 * MIB : 10 * MIB])
        assert len(reads) == 2
        for _ in range(2):
            with one.upload(upload_id) as session:
                assert session.digest() == sha256(LARGE[: 10 * MIB])
        assert len(reads) == 3

    def test_another_server_wrote_other_bytes_of_the_same_number(
        self, start: Callable[[], S3BlobStore]
    ) -> None:
        """A process's memory of an upload is valid only for the segments that it saw."""
        one, other = start(), start()
        upload_id = new_upload_id()
        append(one, upload_id, CONTENT[:1000] + bytes(1000))
        append(other, upload_id, CONTENT[1000:2000], 1000)
        with one.upload(upload_id) as session:
            session.resume_at(2000)
            assert session.digest() == sha256(CONTENT[:2000])

    def test_a_segment_that_is_lost(self, store: S3BlobStore, bucket: Bucket) -> None:
        """Fewer bytes than were acknowledged are reported, and not replaced."""
        upload_id = new_upload_id()
        append(store, upload_id, LARGE)
        s3 = bucket.server.client()
        s3.delete_object(Bucket=bucket.name, Key=bucket.keys_of("uploads")[1])
        with store.upload(upload_id) as session, pytest.raises(UploadTruncated) as refusal:
            session.resume_at(len(LARGE))
        assert refusal.value.size == 8 * MIB

    def test_many_objects(self, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Objects are deleted in as many requests as necessary."""
        monkeypatch.setattr(s3_session, "_SEGMENT", 100)
        monkeypatch.setattr(s3_bucket, "_DELETED_AT_ONCE", 3)
        append(store, new_upload_id(), CONTENT[:1000])
        store.clear()
        assert list(store.upload_ids()) == []

    @given(
        st.lists(
            st.lists(st.tuples(st.sampled_from(["append", "resume"]), st.integers(0, 9000))),
            max_size=4,
        )
    )
    @settings(max_examples=10, deadline=None)
    def test_any_sequence_of_sessions(
        self, moto_s3: S3Server, sessions: list[list[tuple[str, int]]]
    ) -> None:
        """Writing and resuming at several servers yields the expected bytes and digest."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(s3_session, "_SEGMENT", 2000)
            for name, value in moto_s3.variables.items():
                patch.setenv(name, value)
            url = moto_s3.new_bucket().url
            stores = [S3BlobStore.at(url), S3BlobStore.at(url)]
            upload_id = new_upload_id()
            content = b""
            for number, steps in enumerate(sessions):
                with stores[number % 2].upload(upload_id) as session:
                    for action, size in steps:
                        if action == "append":
                            piece = random.Random(size).randbytes(size)
                            session.append(piece)
                            content += piece
                        else:
                            position = size * len(content) // 9000
                            session.resume_at(position)
                            content = content[:position]
                        assert session.size == len(content)
                    assert session.digest() == sha256(content)
            commit(stores[0], upload_id, content)
            assert content_of(stores[1], content) == content


class TestServersAtOnce:
    """Two servers that have a session of the same upload, which no client causes that waits for each answer."""

    def test_neither_commits_what_it_did_not_hash(self, start: Callable[[], S3BlobStore]) -> None:
        """Each server commits its own bytes, or raises an error if they are lost."""
        one, other = start(), start()
        upload_id = new_upload_id()
        append(one, upload_id, LARGE[: 9 * MIB])
        mine, theirs = LARGE, LARGE[: 9 * MIB] + bytes(len(LARGE) - 9 * MIB)
        with one.upload(upload_id) as first, other.upload(upload_id) as second:
            for session, content in ((first, mine), (second, theirs)):
                session.resume_at(9 * MIB)
                session.append(content[9 * MIB :])
                session.acknowledge()
            second.commit(sha256(theirs))
            first.commit(sha256(mine))
        assert content_of(one, mine) == mine
        assert content_of(one, theirs) == theirs
        assert list(one.upload_ids()) == []

    def test_a_late_server_is_overtaken(self, start: Callable[[], S3BlobStore]) -> None:
        """Bytes that one server writes after another has resumed are not in the other's upload."""
        late, other = start(), start()
        upload_id = new_upload_id()
        with late.upload(upload_id) as slow:
            slow.resume_at(0)
            slow.append(bytes(9 * MIB))
            append(other, upload_id, LARGE[: 16 * MIB])
            slow.append(bytes(9 * MIB))
            slow.acknowledge()
            append(start(), upload_id, LARGE[16 * MIB :], 16 * MIB)
            with pytest.raises(UploadCancelled):
                slow.commit(sha256(bytes(18 * MIB)))
        commit(start(), upload_id, LARGE)
        assert content_of(other, LARGE) == LARGE


def is_killed_while_preparing(
    store: S3BlobStore, upload_id: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leave an upload that is about to become a blob as a killed server does."""
    append(store, upload_id, content)
    with monkeypatch.context() as patch, store.upload(upload_id) as session:
        patch.setattr(S3UploadSession, "keep", lambda self: [])
        session.resume_at(len(content))
        session.prepare_commit(sha256(content))


class TestKilledServers:
    def test_the_upload_becomes_a_blob_after_all(
        self,
        start: Callable[[], S3BlobStore],
        bucket: Bucket,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The next server composes it anew and leaves no multipart upload."""
        upload_id = new_upload_id()
        is_killed_while_preparing(start(), upload_id, LARGE, monkeypatch)
        assert len(bucket.multiparts()) == 1
        commit(start(), upload_id, LARGE)
        assert content_of(start(), LARGE) == LARGE
        assert bucket.multiparts() == []
        assert bucket.keys_of("uploads") == []

    def test_the_upload_is_removed(
        self,
        start: Callable[[], S3BlobStore],
        bucket: Bucket,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A cancelled, expired or orphaned upload is removed with its multipart upload."""
        upload_id = new_upload_id()
        is_killed_while_preparing(start(), upload_id, LARGE, monkeypatch)
        start().cancel(upload_id)
        assert bucket.keys() == []
        assert bucket.multiparts() == []

    def test_another_upload_becomes_the_same_blob(
        self, start: Callable[[], S3BlobStore], bucket: Bucket
    ) -> None:
        """The multipart upload of another upload stays, also at a start."""
        uploads = [new_upload_id(), new_upload_id()]
        one = start()
        for upload_id in uploads:
            append(one, upload_id, LARGE)
        with one.upload(uploads[0]) as session:
            session.resume_at(len(LARGE))
            session.prepare_commit(sha256(LARGE))
            other = start()
            other.cancel(uploads[1])
            session.commit(sha256(LARGE))
        assert content_of(one, LARGE) == LARGE
        assert bucket.multiparts() == []

    def test_an_unknown_multipart_upload(
        self,
        start: Callable[[], S3BlobStore],
        bucket: Bucket,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A start aborts an unknown multipart upload only some time later, as a running server may have begun it
        just now.
        """
        key = f"some/where/blobs/sha256/00/{'0' * 64}"
        s3 = bucket.server.client()
        s3.create_multipart_upload(Bucket=bucket.name, Key=key)
        s3.create_multipart_upload(Bucket=bucket.name, Key="mine")
        # moto says of each that it was begun in 2010.
        monkeypatch.setattr(s3_store, "_UNNAMED_FOR", timedelta(days=36500))
        start()
        assert sorted(bucket.multiparts()) == ["mine", key]
        monkeypatch.setattr(s3_store, "_UNNAMED_FOR", timedelta(0))
        start()
        assert bucket.multiparts() == ["mine"]

    def test_a_session_that_does_not_commit(self, store: S3BlobStore, bucket: Bucket) -> None:
        """A session that does not commit leaves no multipart upload, and keeps the upload."""
        upload_id = new_upload_id()

        def prepare_and_fail() -> None:
            with store.upload(upload_id) as session:
                session.append(LARGE)
                session.prepare_commit(sha256(LARGE))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            prepare_and_fail()
        assert bucket.multiparts() == []
        commit(store, upload_id, LARGE)

    def test_bytes_that_follow_the_preparation(self, store: S3BlobStore, bucket: Bucket) -> None:
        """A prepared commit is not used for another size or another name."""
        with store.upload(new_upload_id()) as session:
            session.append(LARGE + CONTENT)
            session.prepare_commit(sha256(LARGE + CONTENT))
            session.resume_at(len(LARGE))
            session.prepare_commit(sha256(LARGE))
            session.append(CONTENT[:1000])
            session.prepare_commit(sha256(LARGE + CONTENT[:1000]))
            digest = session.digest("sha512")
            session.commit(digest)
        assert list(store.digests()) == [digest]
        assert store.verify(digest) == len(LARGE) + 1000
        assert bucket.multiparts() == []

    def test_a_preparation_that_fails(
        self, store: S3BlobStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A failed preparation leaves no multipart upload, and all bytes."""
        upload_id = new_upload_id()
        append(store, upload_id, LARGE)

        def fail(*arguments: object) -> None:
            raise BlobStoreUnavailable("gone")

        with monkeypatch.context() as patch:
            patch.setattr(S3Bucket, "add", fail)
            patch.setattr(S3Bucket, "copy", fail)
            with pytest.raises(BlobStoreUnavailable):
                commit(store, upload_id, LARGE)
        assert bucket.multiparts() == []
        commit(store, upload_id, LARGE)
        assert content_of(store, LARGE) == LARGE

    @pytest.mark.parametrize("content", [CONTENT, LARGE], ids=["small", "large"])
    def test_what_follows_the_commit_fails(self, store: S3BlobStore, content: bytes) -> None:
        """After an error the upload is unchanged, and can be committed again."""
        upload_id = new_upload_id()
        append(store, upload_id, content)

        def commit_and_fail() -> None:
            with store.upload(upload_id) as session:
                session.resume_at(len(content))
                session.commit(sha256(content))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            commit_and_fail()
        commit(store, upload_id, content)
        assert content_of(store, content) == content
        assert list(store.upload_ids()) == []


class TestEntityTags:
    """The entity tags by which S3 describes its bytes."""

    TAG = f'"{"0" * 32}"'
    # Of a composed object.
    OTHER = f'"{"1" * 32}-2"'

    @pytest.mark.parametrize(
        ("answer", "etag", "expected"),
        [
            ({}, TAG, "0" * 32),
            ({}, "0" * 32, "0" * 32),
            ({"ServerSideEncryption": "AES256"}, TAG, "0" * 32),
            ({"ServerSideEncryption": "aws:kms"}, TAG, None),
            ({"SSECustomerAlgorithm": "AES256"}, TAG, None),
            ({}, f'"{"0" * 32}-2"', None),
            ({}, '"CJ6QsMqQ"', None),
            ({}, None, None),
        ],
    )
    def test_tags_that_are_an_md5(
        self, answer: dict[str, str], etag: object, expected: str | None
    ) -> None:
        """The tag is an MD5 for plain content, and for content that is encrypted with S3's own keys."""
        assert md5_in(answer, etag) == expected

    @pytest.mark.parametrize(
        ("answer", "expected"),
        [
            # printf '\0%.0s' {1..32} | md5sum
            ({"ETag": '"70bc8f4b72a86921468bf8e8441dce51-2"'}, True),
            ({"ETag": '"70bc8f4b72a86921468bf8e8441dce51-3"'}, False),
            ({"ETag": OTHER}, False),
            ({"ETag": OTHER, "ServerSideEncryption": "AES256"}, False),
            ({"ETag": OTHER, "ServerSideEncryption": "aws:kms"}, True),
            ({"ETag": OTHER, "SSECustomerAlgorithm": "AES256"}, True),
            ({"ETag": '"another form"'}, True),
            ({}, True),
        ],
    )
    def test_tags_of_composed_objects(self, answer: dict[str, str], expected: bool) -> None:
        """The tag of a composed object depends on those of its parts, if they have S3's form."""
        assert is_composed_of(answer, [self.TAG, self.TAG]) is expected

    @pytest.mark.parametrize("encryption", [None, "aws:kms"])
    def test_a_blob_that_is_there_survives_other_tags(
        self,
        store: S3BlobStore,
        start: Callable[[], S3BlobStore],
        monkeypatch: pytest.MonkeyPatch,
        encryption: str | None,
    ) -> None:
        """A second push of a layer is accepted where tags of multipart uploads are not AWS's."""
        for each in (store, start()):
            client = client_of(each)
            if each is not store:
                complete = client.complete_multipart_upload
                about = {"ServerSideEncryption": encryption} if encryption else {}
                monkeypatch.setattr(
                    client,
                    "complete_multipart_upload",
                    lambda **arguments: {**complete(**arguments), "ETag": self.OTHER, **about},  # noqa: B023
                )
            upload_id = new_upload_id()
            append(each, upload_id, LARGE)
            commit(each, upload_id, LARGE)
            assert content_of(each, LARGE) == LARGE

    def test_a_composed_object_that_is_wrong(
        self, store: S3BlobStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An object whose tag says that it has other parts, and that has other bytes, is removed."""
        client = client_of(store)
        complete = client.complete_multipart_upload

        def spoil(**arguments: Any) -> dict[str, Any]:
            complete(**arguments)
            client.put_object(Bucket=arguments["Bucket"], Key=arguments["Key"], Body=b"other")
            return {"ETag": self.OTHER}

        upload_id = new_upload_id()
        append(store, upload_id, LARGE)
        with monkeypatch.context() as patch:
            patch.setattr(client, "complete_multipart_upload", spoil)
            with pytest.raises(BlobStoreUnavailable, match="other bytes than were sent"):
                commit(store, upload_id, LARGE)
        assert bucket.keys_of("blobs") == []

    def test_copies_by_a_service_with_other_tags(
        self,
        store: S3BlobStore,
        start: Callable[[], S3BlobStore],
        bucket: Bucket,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A process that has written nothing yet learns from a small object that tags are no MD5s."""
        append(store, upload_id := new_upload_id(), CONTENT)
        commit(store, upload_id, CONTENT)
        fresh = start()
        client = client_of(fresh)
        put = client.put_object
        tag = f'"{"1" * 32}"'
        monkeypatch.setattr(
            client, "put_object", lambda **arguments: {**put(**arguments), "ETag": tag}
        )
        monkeypatch.setattr(client, "copy_object", self.copying(client, tag))
        fresh.delete(sha256(CONTENT))
        assert bucket.keys_of("") == []

    def copying(self, client: Any, tag: str) -> Callable[..., Any]:
        """Copies with such a tag, also by a service that cannot copy."""

        def answer(**arguments: Any) -> dict[str, Any]:
            content = client.get_object(**arguments["CopySource"])["Body"].read()
            client.put_object(Bucket=arguments["Bucket"], Key=arguments["Key"], Body=content)
            return {"CopyObjectResult": {"ETag": tag}}

        return answer

    def test_a_service_with_other_tags(
        self, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Tags of another form are ignored, once an object was read back intact."""
        client = client_of(store)
        for name in ("put_object", "upload_part"):
            monkeypatch.setattr(client, name, self.other_tags(getattr(client, name)))
        monkeypatch.setattr(client, "upload_part_copy", lambda **arguments: {})
        monkeypatch.setattr(client, "complete_multipart_upload", self.completing(client))
        upload_id = new_upload_id()
        append(store, upload_id, LARGE)
        commit(store, upload_id, LARGE)
        assert content_of(store, LARGE) == LARGE

    def other_tags(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def answer(**arguments: Any) -> dict[str, Any]:
            tag = call(**arguments)["ETag"].strip('"')
            return {"ETag": f'"{tag[::-1]}"'}

        return answer

    def completing(self, client: Any) -> Callable[..., Any]:
        complete = client.complete_multipart_upload

        def answer(**arguments: Any) -> Any:
            for part in arguments["MultipartUpload"]["Parts"]:
                part["ETag"] = f'"{part["ETag"].strip(chr(34))[::-1]}"'
            return complete(**arguments)

        return answer

    def test_a_copy_that_is_wrong(
        self, store: S3BlobStore, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A part or object that S3 has copied from other bytes is refused."""
        if bucket.server.name == "rclone":
            pytest.skip("rclone copies no parts")
        client = client_of(store)
        tag = {"ETag": self.TAG}
        upload_id = new_upload_id()
        append(store, upload_id, LARGE)
        with monkeypatch.context() as patch:
            patch.setattr(client, "upload_part_copy", lambda **arguments: {"CopyPartResult": tag})
            with pytest.raises(BlobStoreUnavailable, match="other bytes than were sent"):
                commit(store, upload_id, LARGE)
        assert bucket.keys_of("blobs") == []
        commit(store, upload_id, LARGE)
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        commit(store, upload_id, CONTENT)
        with monkeypatch.context() as patch:
            patch.setattr(client, "copy_object", lambda **arguments: {"CopyObjectResult": tag})
            with pytest.raises(BlobStoreUnavailable, match="other bytes than were sent"):
                store.delete(sha256(CONTENT))
        assert content_of(store, CONTENT) == CONTENT

    def test_an_answer_without_sense(
        self, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An answer that lacks a member is a failure of S3."""
        monkeypatch.setattr(client_of(store), "head_object", lambda **arguments: {})
        with pytest.raises(BlobStoreUnavailable, match="an answer is malformed"):
            store.open(sha256(CONTENT))


class TestFailures:
    def test_a_write_that_fails(self, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Resuming makes up for it, in the same session and in the next."""
        upload_id = new_upload_id()

        def fail(*arguments: object) -> None:
            raise BlobStoreUnavailable("gone")

        append(store, upload_id, LARGE[: 9 * MIB])
        with store.upload(upload_id) as session:
            session.resume_at(9 * MIB)
            with monkeypatch.context() as patch:
                patch.setattr(S3Bucket, "put", fail)
                with pytest.raises(BlobStoreUnavailable):
                    session.append(bytes(21 * MIB))
            session.resume_at(9 * MIB)
            session.append(LARGE[9 * MIB : 10 * MIB])
            assert session.digest() == sha256(LARGE[: 10 * MIB])
            session.acknowledge()
        with monkeypatch.context() as patch:
            patch.setattr(S3Bucket, "put", fail)
            with pytest.raises(BlobStoreUnavailable):
                append(store, upload_id, LARGE[10 * MIB : 11 * MIB], 10 * MIB)
        append(store, upload_id, LARGE[10 * MIB :], 10 * MIB)
        commit(store, upload_id, LARGE)
        assert content_of(store, LARGE) == LARGE

    def test_an_answer_that_breaks_off(
        self, store: S3BlobStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The rest of an answer is requested again, as long as that brings more; then it fails."""
        upload_id = new_upload_id()
        append(store, upload_id, CONTENT)
        commit(store, upload_id, CONTENT)
        client = client_of(store)
        get_object = client.get_object
        lengths = iter([100_000, 100_000, 50_000, 0])

        class BrokenOff:
            def __init__(self, body: Any) -> None:
                self.body = body
                self.rest = next(lengths)

            def read(self, size: int) -> bytes:
                if not self.rest:
                    raise IncompleteReadError(actual_bytes=0, expected_bytes=1)
                piece: bytes = self.body.read(min(size, self.rest))
                self.rest -= len(piece)
                return piece

            def close(self) -> None:
                self.body.close()

        def break_off(**arguments: Any) -> dict[str, Any]:
            return {"Body": BrokenOff(get_object(**arguments)["Body"])}

        monkeypatch.setattr(client, "get_object", break_off)
        with store.open(sha256(CONTENT)) as blob:
            chunks = blob.chunks()
            # The last piece waits for the digest.
            assert b"".join(islice(chunks, 2)) == CONTENT[:200_000]
            with pytest.raises(BlobStoreUnavailable):
                next(chunks)

    def test_a_wrong_digest(self, store: S3BlobStore, bucket: Bucket) -> None:
        """A wrong digest begins no multipart upload."""
        with store.upload(new_upload_id()) as session:
            session.append(LARGE)
            with pytest.raises(DigestMismatch):
                session.commit(sha256(CONTENT))
            assert bucket.multiparts() == []
        assert bucket.keys_of("blobs") == []
