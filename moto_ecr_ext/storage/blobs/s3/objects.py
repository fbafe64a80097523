"""The keys of blobs and uploads in a bucket, and the segments of an upload."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

from moto_ecr_ext.storage.blobs.errors import BlobStoreUnavailable
from moto_ecr_ext.storage.blobs.names import checked_upload_id, path_of_blob

from .bucket import S3Bucket
from .checksums import md5_of
from .multipart import Multipart

BLOBS = "blobs/"
UPLOADS = "uploads/"
REMOVED = "removed/"

_SMALLEST_PART = 5 * 1024 * 1024
# The MD5 at the end is missing in uploads of earlier versions.
_SEGMENT_NAME = re.compile(r"(\d{20})-(\d{6})-[0-9a-f]{32}(?:-([0-9a-f]{32}))?")
_NAME_OF_MULTIPART = "multipart"


def key_of_blob(digest: str) -> str:
    """Return the key of a blob, which need not exist."""
    return BLOBS + path_of_blob(digest)


@dataclass(frozen=True, slots=True)
class Segment:
    """Bytes of an upload in one object.

    `turn` is higher than that of any segment that its writer has seen. `md5` is that of the bytes, if it is known.
    """

    key: str
    start: int
    size: int
    turn: int
    md5: str | None

    @property
    def end(self) -> int:
        return self.start + self.size

    @classmethod
    def of(cls, key: str, size: int) -> Segment | None:
        """Return the segment that an object holds, or None for any other object."""
        match = _SEGMENT_NAME.fullmatch(key.rpartition("/")[2])
        return cls(key, int(match[1]), size, int(match[2]), match[3]) if match else None


def chain_of(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments that follow one another without a gap, from the first byte on.

    A killed or delayed server has left the others.
    """
    latest = {each.start: each for each in sorted(segments, key=lambda each: each.turn)}
    chain: list[Segment] = []
    end = 0
    while end in latest:
        chain.append(latest[end])
        end = latest[end].end
    return chain


def groups_of(segments: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Yield neighbouring segments that together are large enough for a part. The last group may be smaller."""
    group: list[Segment] = []
    for segment in segments:
        group.append(segment)
        if sum(each.size for each in group) >= _SMALLEST_PART:
            yield group
            group = []
    if group:
        yield group


class UploadObjects:
    """The objects of one upload."""

    def __init__(self, bucket: S3Bucket, upload_id: str) -> None:
        self._bucket = bucket
        self._folder = f"{UPLOADS}{checked_upload_id(upload_id)}/"

    def segments(self) -> list[Segment]:
        """Return the segments that have bytes, of all writers."""
        found = (Segment.of(key, size) for key, size in self._bucket.sizes(self._folder))
        return [each for each in found if each is not None and each.size]

    def add_segment(self, start: int, turn: int, content: bytes | bytearray) -> Segment:
        """Write a segment under a unique key."""
        md5 = md5_of(content)
        key = f"{self._folder}{start:020d}-{turn:06d}-{uuid4().hex}-{md5}"
        self._bucket.put(key, content, md5)
        return Segment(key, start, len(content), turn, md5)

    def read_unchecked(self, segment: Segment) -> bytes:
        """Return the bytes of a segment as they come."""
        return b"".join(self._bucket.read(segment.key, 0, segment.size))

    def read_segment(self, segment: Segment) -> bytes:
        """Return the bytes of a segment. Raises BlobStoreUnavailable if they are not those that were written."""
        content = self.read_unchecked(segment)
        if segment.md5 not in (None, md5_of(content)):
            raise BlobStoreUnavailable(f"{self._bucket.url}: {segment.key} has other bytes")
        return content

    def multipart(self) -> Multipart | None:
        """Return the multipart upload that was to turn this upload into a blob, or None."""
        key = self._folder + _NAME_OF_MULTIPART
        if self._bucket.size(key) is None:
            return None
        return Multipart.of_json(self._bucket.content(key))

    def begin_multipart(self, key: str) -> Multipart:
        """Begin a multipart upload and note it in the bucket. Abort an earlier one."""
        self.abort_multipart()
        multipart = self._bucket.begin(key)
        self._bucket.put(self._folder + _NAME_OF_MULTIPART, multipart.to_json())
        return multipart

    def abort_multipart(self) -> None:
        """Abort the multipart upload, if there is one."""
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
