"""The store of a directory."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from uuid import uuid4

from moto_ecr_ext.platforms.files import (
    POSIX_FILES,
    DirectoryUnusable,
    directory_alone,
    forget_pages,
    unlock,
)
from moto_ecr_ext.storage.blobs.blob import BlobReader
from moto_ecr_ext.storage.blobs.errors import BlobDamaged, BlobNotFound
from moto_ecr_ext.storage.blobs.names import checked_upload_id, is_upload_id
from moto_ecr_ext.storage.blobs.removal import Removal
from moto_ecr_ext.storage.blobs.sessions import UploadSession
from moto_ecr_ext.storage.blobs.store import BlobStore
from moto_ecr_ext.storage.turns import Turn, Turns

from .files import (
    give_name,
    is_at,
    make_directories,
    open_alone,
    open_private,
    remove,
    spare_beside,
    sync,
    sync_directory,
)
from .progress import Progress, ProgressOfUploads
from .session import DirectoryUploadSession
from .tree import BlobTree
from .verification import FileBlob, VerifiedFiles

log = logging.getLogger("moto_ecr_ext")

# Bytes without which not even the database can grow.
_LEAST_FREE = 64 * 1024


class DirectoryBlobStore(BlobStore):
    """A store that keeps everything in a directory, which is created if it does not exist.

    On platforms without POSIX files, one process uses the directory alone, and others get DirectoryUnusable. An open
    file cannot be removed there, so uploads are removed at the end of their sessions, and blobs by a later removal.
    """

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        root = os.path.abspath(directory)
        self._tree = BlobTree(os.path.join(root, "blobs"))
        self._uploads = os.path.join(root, "uploads")
        self._owner = os.path.join(root, "owner")
        self._progress = ProgressOfUploads()
        self._verified = VerifiedFiles()
        # Uploads that have ended, but whose files cannot be removed yet.
        self._discarded: set[str] = set()
        # File locks exclude processes and threads, if the platform has them. Otherwise threads take turns.
        self._turns: Turns[str, Turn] | None = None if POSIX_FILES else Turns(Turn)
        make_directories(self._uploads)
        self._tree.make()
        with ExitStack() as stack:
            stack.enter_context(directory_alone(root))
            if not POSIX_FILES:
                self._check_second_names()
            self._alone = stack.pop_all()

    def owner(self) -> str | None:
        try:
            with open(self._owner, encoding="ascii", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def problem(self) -> str | None:
        if not os.path.isdir(self._uploads):
            return f"{self._uploads} does not exist"
        if not self._tree.is_there():
            return f"the blobs of {os.path.dirname(self._uploads)} are gone"
        if shutil.disk_usage(self._uploads).free < _LEAST_FREE:
            return f"no space is left in {self._uploads}"
        return super().problem()

    def claim(self, owner: str) -> None:
        spare = spare_beside(self._path_of_upload(str(uuid4())))
        try:
            with open(spare, "x", encoding="ascii", opener=open_private) as file:
                file.write(owner)
                file.flush()
                sync(file.fileno())
            with suppress(FileExistsError):
                give_name(spare, self._owner)
        finally:
            remove(spare)
        sync_directory(os.path.dirname(self._owner))

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[UploadSession]:
        path = self._path_of_upload(upload_id)
        with self._turns.take(upload_id) if self._turns else nullcontext():
            if upload_id in self._discarded:
                self.cancel(upload_id)
            try:
                with self._session(upload_id, path) as session:
                    yield session
            finally:
                if not POSIX_FILES:
                    self._remove_discarded()

    @contextmanager
    def _session(self, upload_id: str, path: str) -> Iterator[UploadSession]:
        descriptor, status = open_alone(path)
        try:
            progress = self._progress.take(upload_id, status)
            if progress.file_state is None:
                # Another process may have failed to write these bytes to disk.
                forget_pages(descriptor)
            session = DirectoryUploadSession(
                upload_id,
                path,
                descriptor,
                status.st_size,
                progress,
                self._tree,
                self._verified,
                self._discarded,
            )
            try:
                yield session
                if session.is_committed:
                    self._remove_committed(upload_id)
            finally:
                session.end()
                if session.is_discarded:
                    self._discard(upload_id)
                else:
                    self._leave(upload_id, path, descriptor, progress)
        finally:
            unlock(descriptor)
            os.close(descriptor)

    def cancel(self, upload_id: str) -> None:
        try:
            remove(self._path_of_upload(upload_id))
        except PermissionError:
            if POSIX_FILES:
                raise
            # The file is open. It is removed at the end of the session, which finds itself cancelled.
            self._discarded.add(upload_id)
        else:
            self._discarded.discard(upload_id)

    def open(self, digest: str) -> BlobReader:
        try:
            blob = FileBlob(self._tree.path(digest))
        except FileNotFoundError:
            raise BlobNotFound(digest) from None
        try:
            if not self._verified.is_intact(digest, blob):
                raise BlobDamaged(digest)
        except BaseException:
            blob.close()
            raise
        return blob

    def size(self, digest: str) -> int:
        try:
            status = os.stat(self._tree.path(digest))
        except FileNotFoundError:
            raise BlobNotFound(digest) from None
        # Opening a file takes four times as long.
        return status.st_size if self._verified.find(digest, status) else super().size(digest)

    def verify(self, digest: str) -> int:
        self._verified.forget(digest)
        with self.open(digest) as blob:
            return blob.size

    def removal(self, digests: Collection[str]) -> Removal:
        return _DirectoryRemoval(self._tree, self._verified)

    def set_aside(self, digest: str | None = None) -> Iterator[str]:
        return (found for found, _ in self._tree.set_aside(digest))

    def put_back(self, digest: str) -> None:
        for _, path in self._tree.set_aside(digest):
            self._tree.put_back(digest, path)

    def path(self, digest: str) -> str:
        """Return the path of a blob's file, which need not exist."""
        return self._tree.path(digest)

    def digests(self) -> Iterator[str]:
        return self._tree.digests()

    def upload_ids(self) -> Iterator[str]:
        return filter(is_upload_id, os.listdir(self._uploads))

    def clear(self) -> None:
        for upload_id in self.upload_ids():
            self.cancel(upload_id)
        for digest in self.digests():
            self.delete(digest)

    def close(self) -> None:
        self._alone.close()

    def _check_second_names(self) -> None:
        """Raise DirectoryUnusable if a file cannot have a second name: an open file could not become a blob."""
        names = [self._path_of_upload(str(uuid4())) for _ in range(2)]
        try:
            os.close(open_private(names[0], os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.link(*names)
        except OSError as error:
            raise DirectoryUnusable(
                f"{os.path.dirname(self._uploads)} cannot be used: its file system has no hard links "
                f"({error.strerror})."
            ) from error
        finally:
            for name in names:
                remove(name)

    def _remove_discarded(self) -> None:
        """Remove files that were open at their removal. The next start removes the rest."""
        for upload_id in list(self._discarded):
            with suppress(OSError):
                self.cancel(upload_id)

    def _path_of_upload(self, upload_id: str) -> str:
        return os.path.join(self._uploads, checked_upload_id(upload_id))

    def _remove_committed(self, upload_id: str) -> None:
        try:
            self.cancel(upload_id)
        except OSError:
            # The blob exists nevertheless. Its upload is gone, so the next start removes the file.
            log.exception("The file of upload %s, which is a blob now, was not removed", upload_id)

    def _discard(self, upload_id: str) -> None:
        self._discarded.add(upload_id)
        try:
            self.cancel(upload_id)
        except OSError:
            log.exception(
                "The file of upload %s, which is to be sent again, was not removed", upload_id
            )

    def _leave(self, upload_id: str, path: str, descriptor: int, progress: Progress) -> None:
        """Keep the progress of an upload for its next session. Remove a file without content."""
        status = os.fstat(descriptor)
        if upload_id in self._discarded or not is_at(path, status):
            return
        if status.st_size == 0:
            self.cancel(upload_id)
        else:
            self._progress.keep(upload_id, progress, status)


class _DirectoryRemoval(Removal):
    """Blobs whose files have another name meanwhile."""

    def __init__(self, tree: BlobTree, verified: VerifiedFiles) -> None:
        super().__init__()
        self._tree = tree
        self._verified = verified
        self._paths: dict[str, str] = {}

    def _step_aside(self, digest: str) -> bool:
        try:
            path = self._tree.step_aside(digest)
        except PermissionError:
            if POSIX_FILES:
                raise
            # A reader has it open. The next start finds that no repository holds it.
            return False
        if path is not None:
            self._paths[digest] = path
        return path is not None

    def _remove(self, digest: str) -> None:
        remove(self._paths[digest])
        self._verified.forget(digest)

    def _put_back(self, digest: str) -> None:
        self._tree.put_back(digest, self._paths[digest])
