"""A session of an upload whose bytes are in S3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from moto_ecr_ext.storage.blobs.blob import CHUNK
from moto_ecr_ext.storage.blobs.errors import UploadCancelled
from moto_ecr_ext.storage.blobs.running_digest import RunningDigest
from moto_ecr_ext.storage.blobs.sessions import Buffer, UploadSession
from moto_ecr_ext.storage.turns import Turn

from .bucket import CopyRefused, S3Bucket
from .multipart import Multipart
from .objects import Segment, UploadObjects, chain_of, groups_of, key_of_blob

# Bytes of a segment. An upload has at most 10,000 parts
# (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html): enough for 80 GiB, while a layer of ECR
# has at most 52,000 MiB.
_SEGMENT = 8 * 1024 * 1024
_COPIES_AT_ONCE = 4


class S3UploadSession(UploadSession):
    """A session that holds the last bytes in memory, at most one segment, and the others in S3."""

    def __init__(
        self,
        bucket: S3Bucket,
        upload_id: str,
        turn: Turn,
        found: list[Segment],
        running: RunningDigest,
    ) -> None:
        self._segments = chain_of(found)
        self._held = self._segments[-1].end if self._segments else 0
        super().__init__(upload_id, self._held, running)
        self._bucket = bucket
        self._objects = UploadObjects(bucket, upload_id)
        self._turn = turn
        self._number = max((each.turn for each in found), default=0) + 1
        self._kept = found
        self._written: list[Segment] = []
        self._buffer = bytearray()
        self._has_begun = False
        self._prepared: tuple[Multipart, list[str]] | None = None

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

    def _read_segment(self, segment: Segment, start: int, stop: int) -> Iterator[bytes]:
        """Yield bytes of a segment, which is always read and checked as a whole."""
        try:
            content = self._objects.read_segment(segment)
        except FileNotFoundError:
            raise UploadCancelled(self.upload_id) from None
        for begin in range(start, stop, CHUNK):
            yield bytes(memoryview(content)[begin : min(begin + CHUNK, stop)])

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
            # This precedes the removal, so that no byte before the position is ever missing.
            beginning = b"".join(self._read(end, position))
            kept.append(self._add_segment(end, beginning))
        self._segments, self._held = kept, position
        keys = {each.key for each in kept}
        self._bucket.delete(
            each.key for each in (*self._kept, *self._written) if each.key not in keys
        )

    def _flush(self) -> None:
        if self._buffer:
            self._segments.append(self._add_segment(self._held, self._buffer))
            self._held = self.size
            self._buffer = bytearray()

    def _add_segment(self, start: int, content: bytes | bytearray) -> Segment:
        segment = self._objects.add_segment(start, self._number, content)
        self._written.append(segment)
        return segment

    def _prepare_commit(self, digest: str) -> None:
        self._check_not_cancelled()
        key = key_of_blob(digest)
        is_prepared = self._prepared is not None and self._prepared[0].key == key
        if self.size > _SEGMENT and not is_prepared:
            self._flush()
            self._compose(key)

    def _commit(self, digest: str) -> None:
        self._check_not_cancelled()
        if self._prepared is None:
            content = b"".join(self._read(0, self.size))
            self._bucket.put(key_of_blob(digest), content)
        else:
            self._bucket.complete(*self._prepared, digest)
            self._prepared = None

    def _check_not_cancelled(self) -> None:
        if self._turn.is_over:
            raise UploadCancelled(self.upload_id)

    def _compose(self, key: str) -> None:
        """Put all bytes into a multipart upload, by copies in S3 if that is possible."""
        try:
            self._send_parts(key, self._copied_part, _COPIES_AT_ONCE)
        except CopyRefused:
            # One part at a time: a service without copies may also keep the early parts in memory.
            self._send_parts(key, self._read_part, 1)

    def _send_parts(
        self, key: str, send: Callable[[Multipart, int, list[Segment]], str], at_once: int
    ) -> None:
        self._has_begun = True
        multipart = self._objects.begin_multipart(key)
        with ThreadPoolExecutor(at_once) as threads:
            parts = [
                threads.submit(send, multipart, number, group)
                for number, group in enumerate(groups_of(self._segments), 1)
            ]
            try:
                self._prepared = multipart, [part.result() for part in parts]
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def _copied_part(self, multipart: Multipart, number: int, group: list[Segment]) -> str:
        if len(group) > 1:
            return self._read_part(multipart, number, group)
        try:
            return self._bucket.copy(multipart, number, group[0].key, group[0].md5)
        except FileNotFoundError:
            raise UploadCancelled(self.upload_id) from None

    def _read_part(self, multipart: Multipart, number: int, group: list[Segment]) -> str:
        md5 = group[0].md5 if len(group) == 1 else None
        # With a known MD5, S3 compares what it gets with what was written: nobody has to in between.
        read = self._objects.read_segment if md5 is None else self._objects.read_unchecked
        try:
            content = b"".join(map(read, group))
        except FileNotFoundError:
            raise UploadCancelled(self.upload_id) from None
        return self._bucket.add(multipart, number, content, md5)

    def keep(self) -> list[str]:
        """Write the bytes in memory for a later session, and return the keys of all segments."""
        if self._turn.is_over:
            self._bucket.delete(each.key for each in self._written)
            return []
        if self._has_begun:
            self._objects.abort_multipart()
        self._flush()
        return [each.key for each in self._segments]

    def remove(self) -> None:
        """Delete the remains of an upload that has become a blob."""
        if self._kept or self._written:
            self._objects.remove()
