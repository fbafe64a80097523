"""OCI image layouts on disk: writing and pushing them."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from moto_ecr_ext.oci.layout import (
    INDEX,
    REF_NAME,
    LayoutError,
    blob_name,
    read_index,
    write_blob,
    write_index,
)
from moto_ecr_ext.oci.media_types import INDEX_TYPES

from .builder import index_entry
from .client import MANIFEST_TYPES, push
from .descriptors import CheckedDescriptor
from .files import FindFile, StoredBlob, files_in
from .values import CHUNK, Blob, Image, ImageError, Index, parse_object

# A stricter pattern than ECR's: tags of the OCI Distribution Specification 1.1, "Pulling manifests".
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
# Bytes of all manifests that are read of a layout, each as often as indexes list it: an index may list another twice,
# which lists another twice. A manifest counts as at least the second number.
_MOST_OF_MANIFESTS = 256 * 1024 * 1024
_LEAST_OF_MANIFEST = 16 * 1024
_DEEPEST_INDEX = 16


def write_oci_layout(
    image: Image | Index, path: str | os.PathLike[str], tag: str | None = None
) -> Path:
    """Write an OCI image layout, which `skopeo copy oci:<path>:<tag>` reads, and return its path.

    An existing layout gets one more image; one of the same tag is replaced in its index. Images of Docker's media types
    are written unchanged, but skopeo refuses them in a layout.
    """
    root = Path(path)
    entry = index_entry(image)
    if tag is not None:
        entry["annotations"] = {REF_NAME: tag}
    entries = [entry]
    if (root / INDEX).is_file():
        with files_in(root) as find:
            listed = LayoutReader(root, find).descriptors()
        entries = [
            other.document
            for other in listed
            if other.ref_name != tag or (tag is None and other.digest != image.digest)
        ] + entries
    elif root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ImageError(f"{root} exists and is not an OCI image layout.")

    _write_content(root, image)
    write_index(root, entries)
    return root


def push_oci_layout(
    client: Any,
    repository_name: str,
    path: str | os.PathLike[str],
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> list[str]:
    """Push an OCI image layout and return the digests.

    The layout is a directory, or a tar archive of one, which may be gzipped.

    Without `tag`, everything that `index.json` lists is pushed, under the tag in its annotation
    `org.opencontainers.image.ref.name`, or untagged. With `tag`, one image is pushed under it: the only image, or the
    one annotated with this tag.

    If the layout has only one platform's image of an index, that image replaces the index, as with `docker push`.
    Manifests keep their bytes; blobs are streamed and checked on the way.
    """
    with files_in(Path(path)) as find:
        images = LayoutReader(path, find).images()
        return push_images(client, repository_name, images, tag, path, registry_id)


@dataclass(frozen=True)
class NamedImage:
    """An image of a layout or archive, and its tags there."""

    image: Image | Index
    tags: tuple[str, ...]


def push_images(
    client: Any,
    repository_name: str,
    images: list[NamedImage],
    tag: str | None,
    where: str | os.PathLike[str],
    registry_id: str | None,
) -> list[str]:
    """Push all images under their tags, or one of them under `tag`, and return the digests.

    `where` names the layout or archive in the error.
    """
    if tag is not None:
        images = [NamedImage(_chosen(images, tag, where), (tag,))]
    for each in images:
        for name in each.tags or (None,):
            push(client, repository_name, each.image, name, registry_id=registry_id)
    return [each.image.digest for each in images]


def _chosen(images: list[NamedImage], tag: str, where: str | os.PathLike[str]) -> Image | Index:
    if len(images) == 1:
        return images[0].image
    for each in images:
        if tag in each.tags:
            return each.image
    tags = ", ".join(sorted({name for each in images for name in each.tags})) or "none"
    raise ImageError(
        f"{where} holds {len(images)} images, none of them tagged '{tag}' (tags: {tags})."
    )


def tag_of_name(name: str) -> tuple[str, ...]:
    """Return the tag in a reference name, if any: the name is a tag or, from podman, an image name."""
    path, _, last = name.rpartition("/")
    image, colon, tag = last.rpartition(":")
    is_tagged = bool(colon) or not path
    return (tag,) if is_tagged and "@" not in image and _TAG.fullmatch(tag) else ()


class _MissingContent(ImageError):
    """The error of a layout that lacks a blob to which it refers."""


class LayoutReader:
    """The images of an OCI image layout, whose blobs stay on disk until they are pushed.

    `where` names it in errors, and `find` finds its files.
    """

    def __init__(self, where: str | os.PathLike[str], find: FindFile) -> None:
        self._where = where
        self._find = find
        self._left = _MOST_OF_MANIFESTS
        self._depth = 0

    def descriptors(self) -> list[CheckedDescriptor]:
        """Return the descriptors in the index. Raises ImageError."""

        def read(name: str) -> bytes | None:
            stored = self._find(name)
            return None if stored is None else stored.read()

        try:
            listed = read_index(read, self._where)
        except LayoutError as error:
            raise ImageError(str(error)) from None
        return [CheckedDescriptor.parse(each, f"{INDEX} in {self._where}") for each in listed]

    def images(self) -> list[NamedImage]:
        """Return the images in the index that are complete. Raises ImageError."""
        descriptors = self.descriptors()
        if not descriptors:
            raise ImageError(f"{self._where} holds no image.")
        return [
            NamedImage(self._image(each), tag_of_name(each.ref_name or "")) for each in descriptors
        ]

    def _image(self, descriptor: CheckedDescriptor) -> Image | Index:
        where = f"Manifest {descriptor.digest} in {self._where}"
        if descriptor.media_type not in MANIFEST_TYPES:
            raise ImageError(f"{where} is not an image or an index: {descriptor.media_type}.")
        manifest = self._manifest(descriptor)
        document = parse_object(manifest, where)
        if descriptor.media_type in INDEX_TYPES:
            children = CheckedDescriptor.parse_list(document, "manifests", where)
            return self._index(manifest, descriptor.media_type, children)
        config = CheckedDescriptor.parse(document.get("config"), where)
        layers = CheckedDescriptor.parse_list(document, "layers", where)
        return Image(
            manifest,
            descriptor.media_type,
            self._blob(config),
            [self._blob(layer) for layer in layers if layer.is_distributed],
        )

    def _index(
        self, manifest: bytes, media_type: str, children: list[CheckedDescriptor]
    ) -> Image | Index:
        if self._depth == _DEEPEST_INDEX:
            raise ImageError(f"{self._where} has indexes more than {_DEEPEST_INDEX} deep.")
        present: list[Image | Index] = []
        missing: _MissingContent | None = None
        self._depth += 1
        for child in children:
            try:
                present.append(self._image(child))
            except _MissingContent as error:
                missing = missing or error
        self._depth -= 1
        if missing is None:
            return Index(manifest, media_type, present)
        # `docker save` of an image that was pulled for one platform writes the whole index with one image. Other
        # images that may be present are BuildKit's attestations, with the platform "unknown".
        images = [image for image in present if isinstance(image, Image) and _is_runnable(image)]
        if len(images) == 1:
            return images[0]
        raise missing

    def _manifest(self, descriptor: CheckedDescriptor) -> bytes:
        """Return a manifest. Raises ImageError if the manifests that have been read are too many."""
        self._left -= max(descriptor.size, _LEAST_OF_MANIFEST)
        if self._left < 0:
            raise ImageError(f"{self._where} has too many manifests, or too large ones.")
        return self._blob(descriptor).content

    def _blob(self, descriptor: CheckedDescriptor) -> Blob:
        stored = self._find(blob_name(descriptor.digest))
        if stored is None:
            raise _MissingContent(f"{self._where} does not hold blob {descriptor.digest}.")
        if stored.size != descriptor.size:
            raise ImageError(
                f"Blob {descriptor.digest} in {self._where} has {stored.size} bytes, "
                f"but its descriptor says {descriptor.size}."
            )
        return StoredBlob(stored, descriptor.media_type, descriptor.digest)


def _is_runnable(image: Image) -> bool:
    platform = image.platform
    return platform is not None and platform.get("architecture") not in (None, "unknown")


def _write_content(root: Path, image: Image | Index) -> None:
    """Write a manifest and everything below it into the directory of a layout."""
    write_blob(root, image.digest, [image.manifest])
    if isinstance(image, Index):
        for child in image.images:
            _write_content(root, child)
        return
    for blob in image.blobs:
        with blob.open() as source:
            write_blob(root, blob.digest, iter(partial(source.read, CHUNK), b""))
