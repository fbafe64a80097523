"""Archives of `docker save`: pushing them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from moto_ecr_ext.oci.layout import INDEX, MARKER

from .builder import assemble_image
from .files import FindFile, StoredBlob, StoredFile, files_in
from .layers import diff_id_of
from .layouts import LayoutReader, NamedImage, push_images, tag_of_name
from .values import DOCKER, Blob, ImageError, parse_json, parse_object

_PathLike = str | os.PathLike[str]
_MANIFEST = "manifest.json"


def push_docker_archive(
    client: Any,
    repository_name: str,
    path: _PathLike,
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> list[str]:
    """Push the images of a `docker save` archive, which may be gzipped, and return their digests.

    An archive that is an OCI image layout too, as written by Docker 25 and later, is pushed as a layout. Other archives
    have no manifest: one of Docker schema 2 is made for the configuration and the layers in the archive. The image ID
    stays the one that `docker images` shows, and layers stay uncompressed (media type
    `application/vnd.docker.image.rootfs.diff.tar`, which Docker, containerd, skopeo and crane pull).

    Without `tag`, every image is pushed under its saved tags. With `tag`, one image is pushed under it: the only image,
    or the one that was saved with this tag.
    """
    if Path(path).is_dir():
        raise ImageError(f"{path} is a directory; `docker save` writes a tar archive.")
    with files_in(Path(path)) as find:
        is_layout = find(MARKER) and find(INDEX)
        images = LayoutReader(path, find).images() if is_layout else _images(path, find)
        return push_images(client, repository_name, images, tag, path, registry_id)


def _images(where: _PathLike, find: FindFile) -> list[NamedImage]:
    stored = find(_MANIFEST)
    if stored is None:
        raise ImageError(f"{where} is not a `docker save` archive: it has no file '{_MANIFEST}'.")
    saved = parse_json(stored.read(), f"{_MANIFEST} in {where}")
    if not isinstance(saved, list) or not saved:
        raise ImageError(f"{_MANIFEST} in {where} lists no image.")
    return [_image(each, where, find) for each in saved]


def _image(saved: Any, where: _PathLike, find: FindFile) -> NamedImage:
    def found(name: object) -> StoredFile:
        stored = find(name) if isinstance(name, str) else None
        if stored is None:
            raise ImageError(f"{where} does not hold '{name}', which its {_MANIFEST} names.")
        return stored

    if not isinstance(saved, dict) or not isinstance(saved.get("Layers"), list):
        raise ImageError(f"{_MANIFEST} in {where} has an entry without a list 'Layers'.")
    config = Blob(found(saved.get("Config")).read(), DOCKER.config)
    rootfs = parse_object(config.content, f"{saved['Config']} in {where}").get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(saved["Layers"]):
        raise ImageError(
            f"{where} has {len(saved['Layers'])} layers for an image, but another number of "
            f"'diff_ids' in {saved['Config']}."
        )
    layers = [
        _layer(found(name), diff_id, f"{name} in {where}")
        for name, diff_id in zip(saved["Layers"], diff_ids, strict=True)
    ]
    names = saved.get("RepoTags")  # Null for an image that was saved by its ID.
    tags = (
        [tag for name in names for tag in tag_of_name(str(name))] if isinstance(names, list) else []
    )
    return NamedImage(assemble_image(DOCKER, config=config, layers=layers), tuple(tags))


def _layer(stored: StoredFile, diff_id: object, where: str) -> Blob:
    digest = stored.digest()
    if digest == diff_id:
        return StoredBlob(stored, DOCKER.layer_tar, digest)
    # Docker writes uncompressed layers; ko, kaniko and crane write the same kind of archive with gzipped ones.
    blob = StoredBlob(stored, DOCKER.layer_gzip, digest)
    try:
        is_right = diff_id_of(blob) == diff_id
    except ImageError:
        is_right = False
    if not is_right:
        raise ImageError(f"{where} is not the layer {diff_id} that the image names.")
    return blob
