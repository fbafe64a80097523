"""Downloads: blobs from an upstream registry, until the image that refers to them is stored."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple

from moto_ecr_ext.storage.blobs.errors import UploadCancelled
from moto_ecr_ext.storage.blobs.sessions import UploadSession
from moto_ecr_ext.storage.store import Store

# An image may have thousands of layers, and each open session needs an open file. Sessions beyond this number are
# closed and opened again, which costs requests if blobs are in S3.
_MOST_SESSIONS = 64


class WrongDigest(Exception):
    """The bytes of a download have another digest than expected."""


class _Download(NamedTuple):
    upload_id: str
    size: int


class Downloads:
    """A context manager for downloads of whole blobs, by digest. Its exit deletes those that were not committed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._upload_ids: list[str] = []
        self._downloads: dict[str, _Download] = {}
        self._sessions: dict[str, UploadSession] = {}
        self._open = ExitStack()

    def __enter__(self) -> Downloads:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self._open.__exit__(kind, error, traceback)
        finally:
            for upload_id in self._upload_ids:
                self._store.cancel_upload(upload_id)

    def __contains__(self, digest: str) -> bool:
        return digest in self._downloads

    def size(self, digest: str) -> int:
        """Return the size of a download in bytes."""
        return self._downloads[digest].size

    def add(self, digest: str, pieces: Iterable[bytes]) -> None:
        """Store the bytes of a blob.

        Raises WrongDigest, and UploadCancelled if something else has removed them, or the store is being closed.
        """
        upload_id = str(uuid.uuid4())
        self._upload_ids.append(upload_id)
        with ExitStack() as stack:
            session = stack.enter_context(self._store.blobs.upload(upload_id))
            for piece in pieces:
                if self._store.beside.is_closing:
                    raise UploadCancelled(upload_id)
                session.append(piece)
            session.flush()
            if not session.has_digest(digest):
                raise WrongDigest(digest)
            self._downloads[digest] = _Download(upload_id, session.size)
            if len(self._sessions) < _MOST_SESSIONS:
                self._sessions[digest] = session
                self._open.push(stack.pop_all())

    def commit(self, digest: str) -> None:
        """Make a download a blob of the store. Raises UploadCancelled if something else has removed it."""
        session = self._sessions.get(digest)
        if session is not None:
            session.commit(digest)
            return
        download = self._downloads[digest]
        with self._store.blobs.upload(download.upload_id) as session:
            if session.size != download.size:
                raise UploadCancelled(download.upload_id)
            session.commit(digest)
