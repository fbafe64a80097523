"""The store of a bucket."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.errors import BlobNotFound, BlobStoreUnavailable
from moto_ecr_ext.storage.blobs.names import (
    checked_upload_id,
    digest_at,
    digest_of_aside,
    is_upload_id,
    path_of_blob,
)
from moto_ecr_ext.storage.blobs.removal import Removal
from moto_ecr_ext.storage.blobs.running_digest import RunningDigest
from moto_ecr_ext.storage.blobs.sessions import UploadSession
from moto_ecr_ext.storage.blobs.store import BlobStore
from moto_ecr_ext.storage.blobs.verification import Verified, have_digest, while_served
from moto_ecr_ext.storage.recent import Recent
from moto_ecr_ext.storage.turns import Turn, Turns

from .bucket import ObjectState, S3Bucket
from .objects import BLOBS, REMOVED, UPLOADS, Segment, UploadObjects, chain_of, key_of_blob
from .removal import S3Removal, put_back
from .session import S3UploadSession

log = logging.getLogger("moto_ecr_ext")

_UPLOADS_REMEMBERED = 1024
# Age from which on a multipart upload without a note in the bucket is aborted. A younger one may have been
# begun by another server just now.
_UNNAMED_FOR = timedelta(hours=1)
_OWNER = "owner"


class S3Blob(BlobReader):
    """A blob that is an object. Unlike other blobs it cannot be read once it is deleted: that raises OSError.

    It is compared with its digest while all its bytes are read for the first time: BlobStoreUnavailable instead of the
    last ones says that they are not the blob's.
    """

    def __init__(
        self, bucket: S3Bucket, digest: str, state: ObjectState, verified: Verified[ObjectState]
    ) -> None:
        self.size = state.size
        self._bucket = bucket
        self._digest = digest
        self._state = state
        self._verified = verified

    def has_digest(self, digest: str) -> bool:
        return have_digest(self._read(0, self.size), digest)

    def url(self, seconds: int) -> str:
        return self._bucket.signed_url(key_of_blob(self._digest), seconds)

    def close(self) -> None:
        """Do nothing: connections are open only while bytes are read."""

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        chunks = self._read(start, stop)
        is_whole = start == 0 and stop == self.size
        if not is_whole or self._verified.find(self._digest, self._state):
            return chunks
        return while_served(chunks, self._digest, self._conclude)

    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        return self._bucket.read(key_of_blob(self._digest), start, stop)

    def _conclude(self, is_intact: bool) -> None:
        """Remember that the object is intact. Other bytes are not remembered: they may come from the network."""
        if not is_intact:
            # The answer has begun, so that nobody else reports this.
            log.error("%s: %s came with other bytes", self._bucket.url, self._digest)
            raise BlobStoreUnavailable(f"{self._bucket.url}: {self._digest} came with other bytes")
        self._verified.note(self._digest, self._state, True)


class S3BlobStore(BlobStore):
    """A store that keeps everything in a bucket."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket
        self._turns: Turns[str, Turn] = Turns(Turn)
        # The digests of uploads, as far as this process has hashed them, with the keys of the hashed segments.
        self._hashed: Recent[tuple[RunningDigest, list[str]]] = Recent(_UPLOADS_REMEMBERED)
        self._verified: Verified[ObjectState] = Verified()

    @classmethod
    def at(cls, url: str) -> S3BlobStore:
        """Return the store at `s3://bucket/prefix`. Raises StoreError if the bucket does not exist."""
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
        with self._turns.take(checked_upload_id(upload_id)) as turn:
            found = UploadObjects(self._bucket, upload_id).segments()
            running = self._recalled(upload_id, chain_of(found))
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

    def cancel(self, upload_id: str) -> None:
        self._turns.end(checked_upload_id(upload_id))
        self._hashed.pop(upload_id)
        UploadObjects(self._bucket, upload_id).remove()

    def open(self, digest: str) -> BlobReader:
        state = self._bucket.state(key_of_blob(digest))
        if state is None:
            raise BlobNotFound(digest)
        return S3Blob(self._bucket, digest, state, self._verified)

    def removal(self, digests: Collection[str]) -> Removal:
        return S3Removal(self._bucket, digests)

    def set_aside(self, digest: str | None = None) -> Iterator[str]:
        return (found for found, _ in self._set_aside(digest))

    def put_back(self, digest: str) -> None:
        for _, key in self._set_aside(digest):
            put_back(self._bucket, digest, key)

    def _set_aside(self, digest: str | None) -> Iterator[tuple[str, str]]:
        prefix = REMOVED if digest is None else f"{REMOVED}{path_of_blob(digest)}."
        for key, _ in self._bucket.sizes(prefix):
            found = digest_of_aside(key.removeprefix(REMOVED))
            if found is not None:
                yield found, key

    def digests(self) -> Iterator[str]:
        for key, _ in self._bucket.sizes(BLOBS):
            digest = digest_at(key.removeprefix(BLOBS))
            if digest is not None:
                yield digest

    def upload_ids(self) -> Iterator[str]:
        found = set(filter(is_upload_id, self._bucket.folders(UPLOADS)))
        return iter(found.union(self._turns.keys()))

    def clear(self) -> None:
        for upload_id in self.upload_ids():
            self.cancel(upload_id)
        self._bucket.delete(map(key_of_blob, self.digests()))

    def _recalled(self, upload_id: str, chain: list[Segment]) -> RunningDigest:
        """Return the running digest of the segments, as far as this process has hashed them."""
        running, keys = self._hashed.pop(upload_id) or (RunningDigest(), [])
        if [each.key for each in chain[: len(keys)]] != keys:
            return RunningDigest()
        return running

    def _keep(self, upload_id: str, session: S3UploadSession, running: RunningDigest) -> None:
        session.end()
        with _logging_failure(upload_id):
            keys = session.keep()
            if keys and running.position <= session.size:
                self._hashed.put(upload_id, (running, keys))

    def _abort_unnamed(self) -> None:
        """Abort multipart uploads that have no note, which a killed server may leave."""
        try:
            begun = list(self._bucket.multiparts(BLOBS))
            named = {UploadObjects(self._bucket, each).multipart() for each in self.upload_ids()}
            for multipart, since in begun:
                if multipart not in named and datetime.now(timezone.utc) - since >= _UNNAMED_FOR:
                    self._bucket.abort(multipart)
        except OSError as error:
            # They only cost space, and a rule of the bucket's lifecycle can abort them.
            log.warning("Multipart uploads cannot be cleaned up: %s", error)


@contextmanager
def _logging_failure(upload_id: str) -> Iterator[None]:
    """Log failures of S3 at the end of a session. Unacknowledged bytes are lost, or left for the next start."""
    try:
        yield
    except OSError as error:
        log.warning("Upload %s: %s", upload_id, error)
