"""OCI image layouts: directories of blobs with an index. They are written and read here.

OCI Image Specification 1.1, "Image Layout".
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .media_types import OCI_INDEX

MARKER = "oci-layout"
"""The name of the file that marks a directory as a layout."""

INDEX = "index.json"
"""The name of the file that lists the manifests of a layout."""

REF_NAME = "org.opencontainers.image.ref.name"
"""The annotation of a descriptor in the index that names an image; skopeo and podman read tags from it."""

_VERSION = "1.0.0"


class LayoutError(Exception):
    """An error for files that are not an image layout. Its message is a sentence with the reason."""


def blob_name(digest: str) -> str:
    """Return the name of a blob's file in a layout. The digest must be valid."""
    return f"blobs/{digest.replace(':', '/')}"


def write_blob(layout: Path, digest: str, chunks: Iterable[bytes]) -> None:
    """Write a blob, or a manifest, into the directory of a layout. The digest must be valid."""
    path = layout / blob_name(digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.writelines(chunks)


def write_index(layout: Path, descriptors: Sequence[Mapping[str, Any]]) -> None:
    """Complete a layout: write the marker, and the index of the manifests that `descriptors` refer to."""
    (layout / MARKER).write_bytes(layout_marker())
    (layout / INDEX).write_bytes(layout_index(descriptors))


def layout_marker() -> bytes:
    """Return the content of the file `MARKER`."""
    return json.dumps({"imageLayoutVersion": _VERSION}).encode()


def layout_index(descriptors: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the content of the file `INDEX` of a layout of these manifests."""
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": descriptors}
    return json.dumps(index).encode()


def read_index(read: Callable[[str], bytes | None], where: object) -> list[Any]:
    """Return the descriptors in the index of a layout, as parsed JSON.

    `read` returns the content of a file of the layout, or None if it does not exist. `where` names the layout in
    errors. Raises LayoutError.
    """
    if _read_object(read, MARKER, where).get("imageLayoutVersion") != _VERSION:
        raise LayoutError(f"{where} is not an OCI image layout of version {_VERSION}.")
    descriptors = _read_object(read, INDEX, where).get("manifests")
    if not isinstance(descriptors, list):
        raise LayoutError(f"{INDEX} in {where} has no list 'manifests'.")
    return descriptors


def _read_object(read: Callable[[str], bytes | None], name: str, where: object) -> dict[str, Any]:
    content = read(name)
    if content is None:
        raise LayoutError(f"{where} is not an OCI image layout: it has no file '{name}'.")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise LayoutError(f"{name} in {where} is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise LayoutError(f"{name} in {where} is not a JSON object.")
    return document
