"""The names of blobs and uploads. Stores build paths and keys from well-formed names only."""

from __future__ import annotations

import re
from uuid import uuid4

from moto_ecr_ext.oci.digest import Digest, is_digest

_UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_upload_id(text: str) -> bool:
    """Return True if `text` is a UUID in the form of an upload id: in lower case, with hyphens."""
    return _UPLOAD_ID.fullmatch(text) is not None


def checked_upload_id(upload_id: str) -> str:
    """Return a well-formed upload id, or raise ValueError."""
    if not is_upload_id(upload_id):
        raise ValueError(f"not an upload id: {upload_id!r}")
    return upload_id


def path_of_blob(digest: str) -> str:
    """Return the path of a blob among all others:

    `sha256/ab/abcd…`. Raises ValueError for text that is not a digest.
    """
    name = Digest.parse(digest)
    return f"{name.algorithm}/{name.encoded[:2]}/{name.encoded}"


def aside(path: str) -> str:
    """Return a new path for setting a blob aside: its own with a UUID appended."""
    return f"{path}.{uuid4()}"


def digest_of_aside(path: str) -> str | None:
    """Return the digest of the blob that was set aside under this path, or None for any other path."""
    own, _, unique = path.rpartition(".")
    return digest_at(own) if is_upload_id(unique) else None


def digest_at(path: str) -> str | None:
    """Return the digest of the blob at this path, or None for any other path."""
    digest = f"{path.partition('/')[0]}:{path.rpartition('/')[2]}"
    return digest if is_digest(digest) and path_of_blob(digest) == path else None
