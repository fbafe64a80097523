"""The names of blobs and uploads. Stores build paths and keys from well-formed ones only."""

from __future__ import annotations

import re
from uuid import uuid4

from moto_ecr_ext.oci.digest import Digest, is_digest

_UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_upload_id(text: str) -> bool:
    """Return whether `text` is a UUID as uploads are named: in lower case, with hyphens."""
    return _UPLOAD_ID.fullmatch(text) is not None


def checked_upload_id(upload_id: str) -> str:
    """Return a well-formed upload id, or raise ValueError."""
    if not is_upload_id(upload_id):
        raise ValueError(f"not an upload id: {upload_id!r}")
    return upload_id


def path_of_blob(digest: str) -> str:
    """Return where a blob lies among all others: `sha256/ab/abcd…`. Raises ValueError for text that is not a digest."""
    name = Digest.parse(digest)
    return f"{name.algorithm}/{name.encoded[:2]}/{name.encoded}"


def aside(path: str) -> str:
    """Return a new path for a blob that steps aside from its own: the same with a UUID behind it."""
    return f"{path}.{uuid4()}"


def digest_of_aside(path: str) -> str | None:
    """Return the digest of the blob that has this path since it stepped aside, or None for any other path."""
    own, _, unique = path.rpartition(".")
    return digest_at(own) if is_upload_id(unique) else None


def digest_at(path: str) -> str | None:
    """Return the digest of the blob that has this path, or None if it is the path of something else."""
    digest = f"{path.partition('/')[0]}:{path.rpartition('/')[2]}"
    return digest if is_digest(digest) and path_of_blob(digest) == path else None
