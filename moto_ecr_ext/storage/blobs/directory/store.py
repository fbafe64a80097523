"""Blobs as files of a directory, for POSIX systems.

`DIR/blobs/sha256/ab/abcd…` are blobs, `DIR/uploads/<upload id>` are uploads. Both must be on one
file system: an upload is committed by giving its file a second name among the blobs. The first is
taken away when the session is left, after whatever was to be written elsewhere about the blob; a
process that is killed before has lost nothing. `DIR/owner` names the database. Several processes may
share the directory.

A file is read and compared with its digest before it is first served. What was found is remembered
as long as the file stays as it was, and a blob that this process has received needs no reading.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from threading import Lock
from uuid import uuid4

from moto_ecr_ext.oci.digest import HASHERS, is_digest
from moto_ecr_ext.storage.blobs.store import (
    CHUNK,
    Blob,
    BlobDamaged,
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

log = logging.getLogger("moto_ecr_ext")

# In ranges this short, none of the pages is on disk, and so dropped from memory, when it is asked
# to be written; with four times as much a sixth was.
_WRITE_BACK = 8 * 1024 * 1024
# Larger writes make larger pages, and a virtual machine may have given large free pages back to its host.
# To get them again takes as long as all the rest.
_WRITE = 32 * 1024
# To start a thread takes as long as to hash some 100 KiB.
_WORTH_A_THREAD = 1024 * 1024
_UPLOADS_REMEMBERED = 1024
_BLOBS_REMEMBERED = 65536
# What link(2) fails with on file systems where a file has one name only.
_NO_SECOND_NAME = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_SHARDS = [f"{number:02x}" for number in range(256)]


def _sync_directory(path: str) -> None:
    """Put the names in a directory on disk. Syncing a file does not do that (fsync(2))."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Make a directory and those above it, all of it on disk."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return
    except FileNotFoundError:
        above = os.path.dirname(path)
        if os.path.isdir(above):
            raise  # Such as /proc, in which nobody can make anything.
        make_directories(above)
        make_directories(path)
        return
    _sync_directory(os.path.dirname(path))


def _for_nobody_else(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _names_in(path: str) -> list[str]:
    try:
        return os.listdir(path)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _give_name(path: str, name: str) -> None:
    """Give a file a second name, or a new one where it can have one only. Raises FileExistsError."""
    try:
        os.link(path, name)
    except OSError as error:
        if error.errno not in _NO_SECOND_NAME:
            raise
        os.replace(path, name)


def _is_at(path: str, status: os.stat_result) -> bool:
    """Whether an open file of this status still is the one at `path`."""
    try:
        return os.path.samestat(os.stat(path), status)
    except FileNotFoundError:
        return False


def _open_exclusively(path: str) -> tuple[int, os.stat_result]:
    """A descriptor that appends to the file at `path`, made if need be, once nobody else has it.

    The lock counts in this process and in all others that share the directory.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            status = os.fstat(descriptor)
            if _is_at(path, status):
                return descriptor, status
        except BaseException:
            os.close(descriptor)
            raise
        # While this one waited, the file was cancelled or became a blob.
        os.close(descriptor)


def _open_alone(path: str) -> tuple[int, os.stat_result]:
    """As `_open_exclusively`, with the file in the place of one that is a blob, too, having its bytes.

    That is what is left when an upload was committed and then something else went wrong. Bytes that
    are written from now on must not become part of that blob.
    """
    descriptor, status = _open_exclusively(path)
    if status.st_nlink == 1:
        return descriptor, status
    try:
        spare = _spare_beside(path)
        copy, _ = _open_exclusively(spare)
        try:
            at = 0
            while at < status.st_size:
                at += os.write(copy, _piece(descriptor, at, status.st_size))
            os.replace(spare, path)
        except BaseException:
            _remove(spare)
            os.close(copy)
            raise
    finally:
        os.close(descriptor)
    return copy, os.fstat(copy)


def _spare_beside(path: str) -> str:
    """A new path in the directory of an upload: one of an upload, so that the next start removes it."""
    return os.path.join(os.path.dirname(path), str(uuid4()))


def _piece(descriptor: int, start: int, stop: int) -> bytes:
    """Bytes from `start` on, at least one and at most `CHUNK`, of a file that has `stop` bytes."""
    piece = os.pread(descriptor, min(CHUNK, stop - start), start)
    if not piece:
        raise OSError(errno.EIO, f"file ends at byte {start}, before {stop}")
    return piece


class BlobTree:
    """Where blobs lie below a directory: in `sha256/ab` those whose digits begin with `ab`."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._making = Lock()
        self._made: set[str] = set()

    def path(self, digest: str) -> str:
        """Where the blob of this digest is or would be."""
        algorithm, _, encoded = checked_digest(digest).partition(":")
        return f"{self._root}/{algorithm}/{encoded[:2]}/{encoded}"

    def adopt(self, path: str, digest: str) -> None:
        """Make the file at `path` the blob of this digest, too, with the new name on disk.

        Where a file can have one name only it gets a new one.
        """
        self._make_shards(digest.partition(":")[0])
        blob = self.path(digest)
        try:
            _give_name(path, blob)
        except FileExistsError:
            # In its place, since it may be damaged; not where an earlier try has come as far as this.
            if not _is_at(blob, os.stat(path)):
                spare = _spare_beside(path)
                os.link(path, spare)
                os.replace(spare, blob)
        _sync_directory(os.path.dirname(blob))

    def digests(self) -> Iterator[str]:
        """The digests of all blobs. Other files are none of the store's business."""
        for algorithm in HASHERS:
            for shard in _names_in(os.path.join(self._root, algorithm)):
                for name in _names_in(os.path.join(self._root, algorithm, shard)):
                    digest = f"{algorithm}:{name}"
                    if is_digest(digest) and name[:2] == shard:
                        yield digest

    def _make_shards(self, algorithm: str) -> None:
        # All at once, because syncing the directory above for each would slow down many uploads.
        with self._making:
            if algorithm in self._made:
                return
            parent = os.path.join(self._root, algorithm)
            make_directories(parent)
            for shard in set(_SHARDS).difference(os.listdir(parent)):
                os.makedirs(os.path.join(parent, shard), 0o700, exist_ok=True)
            _sync_directory(parent)
            self._made.add(algorithm)


class FileBlob(Blob):
    """A blob that is a file."""

    def __init__(self, path: str) -> None:
        self._file = FileIO(path)
        # As it was when it was opened.
        self.status = os.fstat(self._file.fileno())
        self.size = self.status.st_size

    def fileno(self) -> int:
        return self._file.fileno()

    def close(self) -> None:
        self._file.close()

    def _chunks(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            # Asked for each time: once the blob is closed, the number may be another file's.
            piece = _piece(self._file.fileno(), start, stop)
            yield piece
            start += len(piece)


class _Verified:
    """Whether files have the digests that they are named by, of those last asked for.

    `st_mtime_ns` is not changed by a new name, so that what is noted of an upload holds for its blob.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._found: OrderedDict[str, tuple[tuple[int, int, int], bool]] = OrderedDict()
        # A blob that many ask for at once is read once.
        self._turns = [Lock() for _ in range(64)]

    def note(self, digest: str, status: os.stat_result, is_intact: bool) -> None:
        """Remember what was found of a file that is in this state."""
        with self._lock:
            self._found[digest] = _file_state(status), is_intact
            self._found.move_to_end(digest)
            if len(self._found) > _BLOBS_REMEMBERED:
                self._found.popitem(last=False)

    def forget(self, digest: str) -> None:
        """Have the file read again when it is next asked for."""
        with self._lock:
            self._found.pop(digest, None)

    def is_intact(self, digest: str, blob: FileBlob) -> bool:
        """Whether a blob has its digest, read now if it is not known."""
        found = self.find(digest, blob.status)
        if found is None:
            with self._turns[hash(digest) % len(self._turns)]:
                found = self.find(digest, blob.status)
                if found is None:
                    found = blob.has_digest(digest)
                    self.note(digest, blob.status, found)
        return found

    def find(self, digest: str, status: os.stat_result) -> bool | None:
        """What is remembered of a file in this state; None where that is nothing."""
        state, is_intact = self._found.get(digest, (None, False))
        return is_intact if state == _file_state(status) else None


class _Progress:
    """What is known of an upload beyond its bytes, as long as its file stays as it was."""

    def __init__(self) -> None:
        self.running = RunningDigest()
        self.flushed = False
        self.file_state: tuple[int, int, int] | None = None


class _ProgressOfUploads:
    """The progress of the uploads last used here, so that a session begins where one ended.

    Whatever is missing is made up for by reading the file and flushing it once more.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._progress: OrderedDict[str, _Progress] = OrderedDict()

    def take(self, upload_id: str, status: os.stat_result) -> _Progress:
        """The progress of an upload whose file is in this state."""
        with self._lock:
            progress = self._progress.pop(upload_id, None)
        if progress is None or progress.file_state != _file_state(status):
            return _Progress()
        return progress

    def keep(self, upload_id: str, progress: _Progress, status: os.stat_result) -> None:
        """Hold the progress of an upload whose session leaves the file in this state."""
        progress.file_state = _file_state(status)
        with self._lock:
            self._progress[upload_id] = progress
            if len(self._progress) > _UPLOADS_REMEMBERED:
                self._progress.popitem(last=False)


def _file_state(status: os.stat_result) -> tuple[int, int, int]:
    # The time tells a file that another process cut and wrote to the same size again.
    return status.st_ino, status.st_size, status.st_mtime_ns


class _OpenSessions:
    """How many sessions there are in this process; a context manager for each."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._count = 0

    def is_one(self) -> bool:
        return self._count == 1

    def __enter__(self) -> None:
        with self._lock:
            self._count += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._count -= 1


class DirectoryUploadSession(UploadSession):
    """A session whose bytes are in a file that nobody else writes to."""

    def __init__(
        self,
        upload_id: str,
        path: str,
        descriptor: int,
        size: int,
        progress: _Progress,
        is_alone: Callable[[], bool],
        tree: BlobTree,
        verified: _Verified,
    ) -> None:
        super().__init__(upload_id, size, progress.running)
        self._path = path
        self._descriptor = descriptor
        self._progress = progress
        self._is_alone = is_alone
        self._tree = tree
        self._verified = verified
        self._written_back = size
        self.is_committed = False

    def _read(self, start: int, stop: int) -> Iterator[bytes]:
        while start < stop:
            piece = _piece(self._descriptor, start, stop)
            yield piece
            start += len(piece)

    def _append(self, data: Buffer) -> None:
        view = memoryview(data).cast("B")
        self._progress.flushed = False
        # Another thread is worth its start for a large upload, while the processors have little else to do.
        beside = self.size >= _WORTH_A_THREAD and self._is_alone()
        start = self.size
        try:
            while rest := view[self.size - start :]:
                self.size += os.write(self._descriptor, rest[:_WRITE])
                if self.size - self._written_back >= _WRITE_BACK:
                    self._write_back()
        finally:
            # What could not be written is not to be part of the digest.
            self._running.update(view[: self.size - start], beside)

    def _cut(self, position: int) -> None:
        self._progress.flushed = False
        os.ftruncate(self._descriptor, position)
        self._written_back = min(self._written_back, position)

    def _flush(self) -> None:
        if not self._progress.flushed:
            os.fsync(self._descriptor)
            self._progress.flushed = True

    def _commit(self, digest: str) -> None:
        status = self._status()
        if status.st_size != self.size:
            raise OSError(errno.EIO, f"holds {status.st_size} bytes, not {self.size}", self._path)
        try:
            self._tree.adopt(self._path, digest)
        except FileNotFoundError:
            self._status()
            raise
        self._verified.note(digest, status, True)
        self.is_committed = True

    def _status(self) -> os.stat_result:
        status = os.fstat(self._descriptor)
        if not _is_at(self._path, status):
            raise UploadCancelled(self.upload_id)
        return status

    def _write_back(self) -> None:
        """Have the disk write while bytes still arrive, so that `flush` has little left to do."""
        if sys.platform == "linux":
            # Linux starts to write the dirty pages of such a range, and drops only clean ones.
            length = self.size - self._written_back
            os.posix_fadvise(self._descriptor, self._written_back, length, os.POSIX_FADV_DONTNEED)
        self._written_back = self.size


class DirectoryBlobStore(BlobStore):
    """Keeps everything in a directory, which is made when it is not there."""

    def __init__(self, directory: str | os.PathLike[str]) -> None:
        root = os.path.abspath(directory)
        self._tree = BlobTree(os.path.join(root, "blobs"))
        self._uploads = os.path.join(root, "uploads")
        self._owner = os.path.join(root, "owner")
        self._progress = _ProgressOfUploads()
        self._sessions = _OpenSessions()
        self._verified = _Verified()
        make_directories(self._uploads)

    def owner(self) -> str | None:
        try:
            with open(self._owner, encoding="ascii", errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def claim(self, owner: str) -> None:
        spare = _spare_beside(self._path_of_upload(str(uuid4())))
        try:
            with open(spare, "x", encoding="ascii", opener=_for_nobody_else) as file:
                file.write(owner)
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                _give_name(spare, self._owner)
        finally:
            _remove(spare)
        _sync_directory(os.path.dirname(self._owner))

    @contextmanager
    def upload(self, upload_id: str) -> Iterator[UploadSession]:
        path = self._path_of_upload(upload_id)
        descriptor, status = _open_alone(path)
        try:
            progress = self._progress.take(upload_id, status)
            session = DirectoryUploadSession(
                upload_id,
                path,
                descriptor,
                status.st_size,
                progress,
                self._sessions.is_one,
                self._tree,
                self._verified,
            )
            try:
                with self._sessions:
                    yield session
                if session.is_committed:
                    self._remove_committed(upload_id)
            finally:
                session.end()
                progress.running.settle()
                self._leave(upload_id, path, descriptor, progress)
        finally:
            # Closing would not unlock what a forked child still has open.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            os.close(descriptor)

    def cancel(self, upload_id: str) -> None:
        _remove(self._path_of_upload(upload_id))

    def open(self, digest: str) -> Blob:
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

    def delete(self, digest: str) -> None:
        _remove(self._tree.path(digest))
        self._verified.forget(digest)

    def digests(self) -> Iterator[str]:
        return self._tree.digests()

    def upload_ids(self) -> Iterator[str]:
        return filter(is_upload_id, os.listdir(self._uploads))

    def clear(self) -> None:
        for upload_id in self.upload_ids():
            self.cancel(upload_id)
        for digest in self.digests():
            self.delete(digest)

    def _path_of_upload(self, upload_id: str) -> str:
        return os.path.join(self._uploads, checked_upload_id(upload_id))

    def _remove_committed(self, upload_id: str) -> None:
        try:
            self.cancel(upload_id)
        except OSError:
            # The blob is there all the same. The file has no upload any more: the next start removes it.
            log.exception("The file of upload %s, which is a blob now, was not removed", upload_id)

    def _leave(self, upload_id: str, path: str, descriptor: int, progress: _Progress) -> None:
        """Keep what is known of an upload for its next session, and no file without content."""
        status = os.fstat(descriptor)
        if not _is_at(path, status):
            return
        if status.st_size == 0:
            self.cancel(upload_id)
        else:
            self._progress.keep(upload_id, progress, status)
