"""Comparison of stored blobs with their digests, before or while a process first serves them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

from moto_ecr_ext.oci.digest import HASHERS, Digest
from moto_ecr_ext.storage.progress import tick
from moto_ecr_ext.storage.recent import Recent

_BLOBS_REMEMBERED = 65536

State = TypeVar("State")


class Verified(Generic[State]):
    """The results of verification for the blobs that were last used.

    A result holds as long as the stored blob is in the same state: that of a file, or the entity tag of an object.
    """

    def __init__(self) -> None:
        self._found: Recent[tuple[State, bool]] = Recent(_BLOBS_REMEMBERED)

    def note(self, digest: str, state: State, is_intact: bool) -> None:
        """Remember the result for a blob in this state."""
        self._found.put(digest, (state, is_intact))

    def forget(self, digest: str) -> None:
        """Drop the result: the next use verifies the blob again."""
        self._found.pop(digest)

    def find(self, digest: str, state: State) -> bool | None:
        """Return the remembered result for a blob in this state, or None."""
        found = self._found.get(digest)
        return found[1] if found is not None and found[0] == state else None


def have_digest(chunks: Iterable[bytes], digest: str) -> bool:
    """Read all chunks, and return True if they have this digest."""
    name = Digest.parse(digest)
    hasher = HASHERS[name.algorithm]()
    for chunk in chunks:
        hasher.update(chunk)
        tick()
    return hasher.hexdigest() == name.encoded


def while_served(
    chunks: Iterable[bytes], digest: str, conclude: Callable[[bool], None]
) -> Iterator[bytes]:
    """Yield all bytes of a blob. The last chunk follows `conclude`, which gets the result and may raise.

    A client that gets all bytes thus gets the right ones.
    """
    name = Digest.parse(digest)
    hasher = HASHERS[name.algorithm]()
    last = b""
    for chunk in chunks:
        hasher.update(chunk)
        if last:
            yield last
        last = chunk
    conclude(hasher.hexdigest() == name.encoded)
    if last:
        yield last
