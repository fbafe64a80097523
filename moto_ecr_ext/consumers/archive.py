"""An image as one tar archive, as `docker load` takes it, in pieces.

The archive is an OCI image layout with a `manifest.json` beside it. docker reads one or the other, by the kind of
store that it keeps images in; podman takes both. Blobs go in as they are stored, compressed ones too.

OCI Image Specification 1.1, "Image Layout"; Docker Image Specification 1.2, "Combined Image JSON + Filesystem
Changeset Format".
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Collection, Iterator

from moto_ecr_ext.oci.layout import INDEX, MARKER, REF_NAME, blob_name, layout_index, layout_marker

from .images import StoredImage

# The annotation that containerd's store takes a name from; it is the whole name, where REF_NAME may be a tag.
_CONTAINERD_NAME = "io.containerd.image.name"
_BLOCK = tarfile.BLOCKSIZE


def archive(
    image: StoredImage, name: str, left_out: Collection[str] = frozenset()
) -> Iterator[bytes]:
    """Return the archive of an image with its name, `host/repository:tag`, in pieces of at most a mebibyte.

    Layers in `left_out` are described, and their bytes are not in the archive: a daemon that has them needs no more.
    Raises ImageGone when a blob cannot be opened.
    """
    manifest = image.manifest
    descriptor = {
        "mediaType": manifest.media_type,
        "digest": image.digest,
        "size": len(manifest.content),
        "annotations": {_CONTAINERD_NAME: name, REF_NAME: name},
    }
    yield from _file(MARKER, layout_marker())
    yield from _file(INDEX, layout_index([descriptor]))
    yield from _file(
        "manifest.json",
        json.dumps(
            [
                {
                    "Config": blob_name(image.config_digest),
                    "RepoTags": [name],
                    "Layers": [blob_name(each) for each in image.layers],
                }
            ]
        ).encode(),
    )
    yield from _file(blob_name(image.digest), manifest.content)
    for digest in dict.fromkeys([image.config_digest, *image.layers]):
        if digest in left_out:
            continue
        with image.open_blob(digest) as blob:
            yield _header(blob_name(digest), blob.size)
            yield from blob.chunks()
            yield _padding(blob.size)
    yield bytes(2 * _BLOCK)


def _file(name: str, content: bytes) -> Iterator[bytes]:
    yield _header(name, len(content))
    yield content + _padding(len(content))


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.size = size
    return entry.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % _BLOCK)
