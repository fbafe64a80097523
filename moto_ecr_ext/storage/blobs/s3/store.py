"""Blobs in a bucket of S3, which several servers may share.

`blobs/sha256/ab/abcd…` are blobs. The bytes of an upload are objects too, segments:
`uploads/<upload id>/<position>-<turn>-<token>`. S3's own multipart uploads would not do: their parts
can neither be read nor cut, all but the last have at least 5 MiB, and those of an upload that goes on
at another server, or after a crash, have to be hashed there.

A segment is made in one step and never changed; each has a key of its own. Where two servers append to
one upload at once, neither touches what the other has written, and a digest that was computed while
bytes arrived is that of the segments that it is remembered with. Which of the two goes on is decided by
who acknowledges first.

An upload becomes a blob by a multipart upload into which S3 copies the segments. All that takes time is
done by `prepare_commit`; `commit` completes it, which is one step. `uploads/<upload id>/multipart` names it, so
that whoever resumes or removes the upload after a crash can abort it. `owner` names the database.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from threading import Lock
from uuid import uuid4

from moto_ecr_ext.oci.digest import is_digest
from moto_ecr_ext.storage.blobs.store import (
    CHUNK,
    Blob,
    BlobNotFound,
    BlobStore,
    Buffer,
    RunningDigest,
    UploadCancelled,
    UploadSession,
    checked_digest,
    checked_upload_id,
    is_upload_id,
)

from .bucket import CopyRefused, Multipart, S3Bucket

log = logging.getLogger("moto_ecr_ext")

# An upload has at most 10,000 parts (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html):
# enough for 80 GiB, where a layer of ECR has at most 52,000 MiB.
_SEGMENT = 8 * 1024 * 1024
_SMALLEST_PART = 5 * 1024 * 1024
_COPIES_AT_ONCE = 4
_UPLOADS_REMEMBERED = 1024
# A multipart upload without a name in the bucket is one that another server has just begun, or one
# whose server was killed in that moment.
_UNNAMED_FOR = timedelta(hours=1)
_SEGMENT_NAME = re.compile(r"(\d{20})-(\d{6})-[0-9a-f]{32}")
_NAME_OF_MULTIPART = "multipart"
_OWNER = "owner"


def _key_of_blob(digest: str) -> str:
    algorithm, _, encoded = checked_digest(digest).partition(":")
    return f"blobs/{algorithm}/{encoded[:2]}/{encoded}"


def _folder_of_upload(upload_id: str) -> str:
    return f"uploads/{checked_upload_id(upload_id)}/"


class S3Blob(Blob):
    """A blob that is an object. Unlike others it cannot be read on when it is deleted: that raises OSError."""

    def __init__(self, bucket: S3Bucket, key: str, size: int) -> None:
        self.size = size
        self._bucket = bucket
        self._key = key

    def url(self, seconds: int) -> str:
        return self._bucket.signed_url(self._key, seconds)

    def close(self) -> None:
        """Nothing is open but while bytes are read."""

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        return self._bucket.read(self._key, start, stop)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Bytes of an upload that are an object. `turn` is higher than that of any segment its writer saw."""

    key: str
    start: int
    size: int
    turn: int

    @property
    def end(self) -> int:
        return self.start + self.size

    @classmethod
    def of(cls, key: str, size: int) -> _Segment | None:
        """The segment that an object is; None when it is something else."""
        match = _SEGMENT_NAME.fullmatch(key.rpartition("/")[2])
        return cls(key, int(match[1]), size, int(match[2])) if match else None


def _chain(segments: Sequence[_Segment]) -> list[_Segment]:
    """Those that follow one another without a gap, from the first byte on.

    What else there is was left by a killed server, or by one that is late.
    """
    latest = {each.start: each for each in sorted(segments, key=lambda each: each.turn)}
    chain: list[_Segment] = []
    end = 0
    while end in latest:
        chain.append(latest[end])
        end = latest[end].end
    return chain


def _groups(segments: Sequence[_Segment]) -> Iterator[list[_Segment]]:
    """Neighbours that together are large enough for a part. The last group may be smaller."""
    group: list[_Segment] = []
    for segment in segments:
        group.append(segment)
        if sum(each.size for each in group) >= _SMALLEST_PART:
            yield group
            group = []
    if group:
        yield group


class _Turn:
    """The right to write to one upload, in this process. `users` have it or wait for it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0
        self.is_cancelled = False


class _Upload:
    """The objects of one upload."""

    def __init__(self, bucket: S3Bucket, upload_id: str) -> None:
        self._bucket = bucket
        self._folder = _folder_of_upload(upload_id)

    def segments(self) -> list[_Segment]:
        found = (_Segment.of(key, size) for key, size in self._bucket.sizes(self._folder))
        return [each for each in found if each is not None and each.size]

    def add_segment(self, start: int, turn: int, content: bytes | bytearray) -> _Segment:
        key = f"{self._folder}{start:020d}-{turn:06d}-{uuid4().hex}"
        self._bucket.put(key, content)
        return _Segment(key, start, len(content), turn)

    def multipart(self) -> Multipart | None:
        """The multipart upload by which this one was to become a blob."""
        key = self._folder + _NAME_OF_MULTIPART
        if self._bucket.size(key) is None:
            return None
        return Multipart.of_json(self._bucket.content(key))

    def begin_multipart(self, key: str) -> Multipart:
        """A multipart upload that is found again; any earlier one is aborted."""
        self.abort_multipart()
        multipart = self._bucket.begin(key)
        self._bucket.put(self._folder + _NAME_OF_MULTIPART, multipart.to_json())
        return multipart

    def abort_multipart(self) -> None:
        multipart = self.multipart()
        if multipart is not None:
            self._bucket.abort(multipart)
            self._bucket.delete([self._folder + _NAME_OF_MULTIPART])

    def remove(self) -> None:
        """Delete all objects, and abort the multipart upload if there is one."""
        keys = [key for key, _ in self._bucket.sizes(self._folder)]
        if self._folder + _NAME_OF_MULTIPART in keys:
            self.abort_multipart()
        self._bucket.delete(keys)


class S3UploadSession(UploadSession):
    """A session that holds the last bytes in memory, one segment at most, and the others in S3."""

    def __init__(
        self,
        bucket: S3Bucket,
        upload_id: str,
        turn: _Turn,
        found: list[_Segment],
        running: RunningDigest,
    ) -> None:
        self._segments = _chain(found)
        self._held = self._segments[-1].end if self._segments else 0
        super().__init__(upload_id, self._held, running)
        self._bucket = bucket
        self._upload = _Upload(bucket, upload_id)
        self._turn = turn
        self._number = max((each.turn for each in found), default=0) + 1
        self._found = found
        self._written: list[_Segment] = []
        self._buffer = bytearray()
        self._has_begun = False
        self._prepared: tuple[Multipart, list[str]] | None = None
        self.is_committed = False

    def acknowledge(self) -> None:
        self.flush()

    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        for segment in self._segments:
            begin, end = max(start, segment.start), min(stop, segment.end)
            if begin < end:
                yield from self._read_segment(segment, begin - segment.start, end - segment.start)
        for begin in range(max(start, self._held), stop, CHUNK):
            end = min(begin + CHUNK, stop)
            yield bytes(self._buffer[begin - self._held : end - self._held])

    def _read_segment(self, segment: _Segment, start: int, stop: int) -> Iterator[bytes]:
        try:
            yield from self._bucket.read(segment.key, start, stop)
        except FileNotFoundError:
            raise UploadCancelled(self.upload_id) from None

    def _append(self, data: Buffer) -> None:
        self._prepared = None
        rest = memoryview(data).cast("B")
        while rest:
            if len(self._buffer) >= _SEGMENT:
                self._flush()
            piece = rest[: _SEGMENT - len(self._buffer)]
            self._running.update(piece)
            self._buffer += piece
            self.size += len(piece)
            rest = rest[len(piece) :]

    def _cut(self, position: int) -> None:
        self._prepared = None
        if position >= self._held:
            del self._buffer[position - self._held :]
            return
        self._buffer.clear()
        kept = [each for each in self._segments if each.end <= position]
        end = kept[-1].end if kept else 0
        if end < position:
            # Before anything is removed, so that no byte before the position is ever missing.
            beginning = b"".join(self._read(end, position))
            kept.append(self._add_segment(end, beginning))
        self._segments, self._held = kept, position
        keys = {each.key for each in kept}
        self._bucket.delete(
            each.key for each in (*self._found, *self._written) if each.key not in keys
        )

    def _flush(self) -> None:
        if self._buffer:
            self._segments.append(self._add_segment(self._held, self._buffer))
            self._held = self.size
            self._buffer = bytearray()

    def _add_segment(self, start: int, content: bytes | bytearray) -> _Segment:
        segment = self._upload.add_segment(start, self._number, content)
        self._written.append(segment)
        return segment

    def _prepare_commit(self, digest: str) -> None:
        self._check_not_cancelled()
        key = _key_of_blob(digest)
        is_prepared = self._prepared is not None and self._prepared[0].key == key
        if self.size > _SEGMENT and not is_prepared:
            self._flush()
            self._compose(key)

    def _commit(self, digest: str) -> None:
        self._check_not_cancelled()
        if self._prepared is None:
            content = b"".join(self._read(0, self.size))
            self._bucket.put(_key_of_blob(digest), content)
        else:
            self._bucket.complete(*self._prepared)
            self._prepared = None
        self.is_committed = True

    def _check_not_cancelled(self) -> None:
        if self._turn.is_cancelled:
            raise UploadCancelled(self.upload_id)

    def _compose(self, key: str) -> None:
        """Put all bytes into a multipart upload, by copies in S3 where that can make them."""
        try:
            self._send_parts(key, self._copied_part, _COPIES_AT_ONCE)
        except CopyRefused:
            # One after the other, since such an S3 may also hold what comes early in memory.
            self._send_parts(key, self._read_part, 1)

    def _send_parts(
        self, key: str, send: Callable[[Multipart, int, list[_Segment]], str], at_once: int
    ) -> None:
        self._has_begun = True
        multipart = self._upload.begin_multipart(key)
        with ThreadPoolExecutor(at_once) as threads:
            parts = [
                threads.submit(send, multipart, number, group)
                for number, group in enumerate(_groups(self._segments), 1)
            ]
            try:
                self._prepared = multipart, [part.result() for part in parts]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _copied_part(self, multipart: Multipart, number: int, group: list[_Segment]) -> str:
        if len(group) > 1:
            return self._read_part(multipart, number, group)
        try:
            return self._bucket.copy(multipart, number, group[0].key)
        except FileNotFoundError:
            raise UploadCancelled(self.upload_id) from None

    def _read_part(self, multipart: Multipart, number: int, group: list[_Segment]) -> str:
        content = bytearray()
        for segment in group:
            for piece in self._read_segment(segment, 0, segment.size):
                content += piece
        return self._bucket.add(multipart, number, content)

    def keep(self) -> list[str]:
        """Keep the bytes for a later session; gives the keys of the segments that they are in."""
        if self._turn.is_cancelled:
            self._bucket.delete(each.key for each in self._written)
            return []
        if self._has_begun:
            self._upload.abort_multipart()
        self._flush()
        return [each.key for each in self._segments]

    def remove(self) -> None:
        """Remove what there is of an upload that has become a blob."""
        if self._found or self._written:
            self._upload.remove()


class S3BlobStore(BlobStore):
    """Keeps everything in a bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._changes = Lock()
        self._turns: dict[str, _Turn] = {}
        self._remembered: OrderedDict[str, tuple[RunningDigest, list[str]]] = OrderedDict()

    @classmethod
    def at(cls, url: str) -> S3BlobStore:
        """The store at `s3://bucket/prefix`. Raises StoreError: the bucket has to exist."""
        store = cls(S3Bucket.at(url))
        store._abort_unnamed()
        return store

    def owner(self) -> str | None:
        if self._bucket.size(_OWNER) is None:
            return None
        return self._bucket.content(_OWNER).decode()

    def claim(self, owner: str) -> None:
        if self._bucket.size(_OWNER) is None:
            self._bucket.put(_OWNER, owner.encode())

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[UploadSession]:
        turn = self._taken(checked_upload_id(upload_id))
        try:
            found = _Upload(self._bucket, upload_id).segments()
            running = self._recalled(upload_id, _chain(found))
            session = S3UploadSession(self._bucket, upload_id, turn, found, running)
            try:
                yield session
            except BaseException:
                self._keep(upload_id, session, running)
                raise
            if session.is_committed:
                with _logging_failure(upload_id):
                    session.remove()
            else:
                self._keep(upload_id, session, running)
        finally:
            turn.lock.release()
            self._let_go(upload_id, turn)

    def cancel(self, upload_id: str) -> None:
        with self._changes:
            turn = self._turns.pop(checked_upload_id(upload_id), None)
            if turn is not None:
                turn.is_cancelled = True
            self._remembered.pop(upload_id, None)
        _Upload(self._bucket, upload_id).remove()

    def open(self, digest: str) -> Blob:
        key = _key_of_blob(digest)
        size = self._bucket.size(key)
        if size is None:
            raise BlobNotFound(digest)
        return S3Blob(self._bucket, key, size)

    def delete(self, digest: str) -> None:
        self._bucket.delete([_key_of_blob(digest)])

    def digests(self) -> Iterator[str]:
        for key, _ in self._bucket.sizes("blobs/"):
            _, algorithm, _, encoded = (*key.split("/"), "", "", "")[:4]
            digest = f"{algorithm}:{encoded}"
            if is_digest(digest) and key == _key_of_blob(digest):
                yield digest

    def upload_ids(self) -> Iterator[str]:
        found = set(filter(is_upload_id, self._bucket.folders("uploads/")))
        with self._changes:
            found.update(self._turns)
        return iter(found)

    def clear(self) -> None:
        for upload_id in self.upload_ids():
            self.cancel(upload_id)
        self._bucket.delete(map(_key_of_blob, self.digests()))

    def _taken(self, upload_id: str) -> _Turn:
        """The turn, once it is this thread's."""
        while True:
            with self._changes:
                turn = self._turns.setdefault(upload_id, _Turn())
                turn.users += 1
            turn.lock.acquire()
            if not turn.is_cancelled:
                return turn
            turn.lock.release()

    def _let_go(self, upload_id: str, turn: _Turn) -> None:
        with self._changes:
            turn.users -= 1
            if not turn.users and self._turns.get(upload_id) is turn:
                del self._turns[upload_id]

    def _recalled(self, upload_id: str, chain: list[_Segment]) -> RunningDigest:
        """The digest of the segments as far as this process has hashed them."""
        with self._changes:
            running, keys = self._remembered.pop(upload_id, (RunningDigest(), []))
        if [each.key for each in chain[: len(keys)]] != keys:
            return RunningDigest()
        return running

    def _keep(self, upload_id: str, session: S3UploadSession, running: RunningDigest) -> None:
        session.end()
        with _logging_failure(upload_id):
            keys = session.keep()
            if not keys or running.position > session.size:
                return
            with self._changes:
                self._remembered[upload_id] = running, keys
                if len(self._remembered) > _UPLOADS_REMEMBERED:
                    self._remembered.popitem(last=False)

    def _abort_unnamed(self) -> None:
        """Abort multipart uploads that no upload names, as a server leaves that is killed in a bad moment."""
        try:
            begun = list(self._bucket.multiparts("blobs/"))
            named = {_Upload(self._bucket, each).multipart() for each in self.upload_ids()}
            for multipart, since in begun:
                if multipart not in named and datetime.now(timezone.utc) - since >= _UNNAMED_FOR:
                    self._bucket.abort(multipart)
        except OSError as error:
            # They cost room, and S3 can be told to abort them by a rule of the bucket's lifecycle.
            log.warning("Multipart uploads cannot be cleaned up: %s", error)


@contextmanager
def _logging_failure(upload_id: str) -> Iterator[None]:
    """Let S3 fail once a session is over. Bytes that nobody was told of are lost, or left for the next start."""
    try:
        yield
    except OSError as error:
        log.warning("Upload %s: %s", upload_id, error)
