"""An image as a tar archive for `docker load`, in chunks.

The archive is an OCI image layout with an additional `manifest.json`. docker reads one of them, depending on its image
store; podman accepts both. Blobs are added as they are stored, even compressed.

OCI Image Specification 1.1, "Image Layout"; Docker Image Specification 1.2, "Combined Image JSON + Filesystem Changeset
Format".
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Collection, Iterator

from moto_ecr_ext.oci.layout import INDEX, MARKER, REF_NAME, blob_name, layout_index, layout_marker

from .images import RegistryImage

# The annotation from which containerd's store takes the whole name. REF_NAME may be a tag only.
_CONTAINERD_NAME = "io.containerd.image.name"
_BLOCK = tarfile.BLOCKSIZE


def archive(
    image: RegistryImage, name: str, left_out: Collection[str] = frozenset()
) -> Iterator[bytes]:
    """Return the archive of an image with its name, `host/repository:tag`, in chunks of at most a mebibyte.

    The bytes of layers in `left_out` are not in the archive; a daemon that has them needs only their descriptors.
    Raises ImageGone if a blob cannot be opened.
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
