"""Images as values: manifests, configurations and layers, each under the digest of its bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO

from moto_ecr_ext.oci.digest import HASHERS, Digest
from moto_ecr_ext.oci.media_types import (
    DOCKER_CONFIG,
    DOCKER_LAYER_GZIP,
    DOCKER_LAYER_TAR,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    IMAGE_CONFIG_TYPES,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_LAYER_TAR,
    OCI_MANIFEST,
)

CHUNK = 1 << 20
"""The most bytes of a blob to read at once."""


class ImageError(Exception):
    """The error of an image, layout, archive or answer that is invalid. The message says why."""


@dataclass(frozen=True)
class MediaTypes:
    """The media types of one family of formats for the parts of an image."""

    manifest: str
    index: str
    config: str
    layer_tar: str
    layer_gzip: str


OCI = MediaTypes(
    manifest=OCI_MANIFEST,
    index=OCI_INDEX,
    config=OCI_CONFIG,
    layer_tar=OCI_LAYER_TAR,
    layer_gzip=OCI_LAYER_GZIP,
)
DOCKER = MediaTypes(
    manifest=DOCKER_MANIFEST,
    index=DOCKER_LIST,
    config=DOCKER_CONFIG,
    layer_tar=DOCKER_LAYER_TAR,
    layer_gzip=DOCKER_LAYER_GZIP,
)


class _Content:
    """Bytes to which a descriptor can refer."""

    media_type: str
    digest: str
    size: int

    def descriptor(self) -> dict[str, Any]:
        """Return the descriptor with which a manifest or an index refers to this."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class Blob(_Content):
    """Bytes known by digest: a layer, a configuration, the content of an artifact.

    Attributes: `content` is all bytes at once, `open()` returns them as a stream, `media_type` and
    `digest` are text, `size` is the number of bytes.
    """

    def __init__(self, content: bytes, media_type: str) -> None:
        self._content = content
        self.media_type = media_type
        self.digest = digest_of(content)
        self.size = len(content)

    @property
    def content(self) -> bytes:
        """All bytes at once."""
        return self._content

    def open(self) -> BinaryIO:
        """Return a stream of the bytes, to be read from the beginning to the end."""
        return io.BytesIO(self._content)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.digest} of {self.size} bytes, {self.media_type}>"


class Layer(Blob):
    """A file system layer: a `Blob` whose bytes are a tar archive, usually compressed.

    Attributes: those of `Blob` (`content`, `media_type`, `digest`, `size`), and `diff_id`, the digest of the
    uncompressed tar archive. `tarfile.open(fileobj=layer.open())` reads its files.
    """

    def __init__(self, content: bytes, media_type: str, diff_id: str) -> None:
        super().__init__(content, media_type)
        self.diff_id = diff_id


class _Manifest(_Content):
    """JSON that lists descriptors, kept as bytes with their digest."""

    def __init__(self, manifest: bytes, media_type: str) -> None:
        self.manifest = manifest
        self.media_type = media_type
        self.digest = digest_of(manifest)
        self.size = len(manifest)

    @property
    def document(self) -> dict[str, Any]:
        """The manifest as parsed JSON."""
        return parse_object(self.manifest, f"Manifest {self.digest}")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.digest}, {self.media_type}>"


class Image(_Manifest):
    """A manifest with its configuration and layers.

    An artifact is an image too. Layers that registries do not keep (foreign layers of Windows images) are in the
    manifest only; `layers` leaves them out.

    Attributes: `manifest` is the manifest's bytes, `document` the same as parsed JSON, `media_type` and `digest` are
    text, `size` is the length of the manifest. `config` is a `Blob`, and `layers` is a tuple of `Blob`. `blobs` has
    all of them, each digest once.
    """

    def __init__(
        self, manifest: bytes, media_type: str, config: Blob, layers: Iterable[Blob]
    ) -> None:
        super().__init__(manifest, media_type)
        self.config = config
        self.layers = tuple(layers)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The configuration and the layers, each digest once."""
        return _distinct([self.config, *self.layers])

    @property
    def platform(self) -> dict[str, str] | None:
        """The platform that the configuration names; None for an artifact."""
        if self.config.media_type not in IMAGE_CONFIG_TYPES:
            return None
        config = parse_object(self.config.content, f"Configuration {self.config.digest}")
        members = ("architecture", "os", "variant")
        return {member: config[member] for member in members if config.get(member)}


class Index(_Manifest):
    """A manifest that lists images, usually one for each platform.

    Attributes: `manifest`, `document`, `media_type`, `digest` and `size` are as those of `Image`.
    `images` is a tuple of `Image` and `Index`. `blobs` has the blobs of all images.
    """

    def __init__(self, manifest: bytes, media_type: str, images: Iterable[Image | Index]) -> None:
        super().__init__(manifest, media_type)
        self.images = tuple(images)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The blobs of all images, each digest once."""
        return _distinct(blob for image in self.images for blob in image.blobs)


class ExpectedDigest:
    """The expected digest of bytes, checked as they are read. `what` names the bytes in the error."""

    def __init__(self, digest: Digest, what: str) -> None:
        self._digest = digest
        self._what = what
        self._hasher = HASHERS[digest.algorithm]()

    def update(self, data: bytes | memoryview) -> None:
        """Take in the next bytes."""
        self._hasher.update(data)

    def check(self) -> None:
        """Raise ImageError unless the bytes so far have the digest."""
        actual = f"{self._digest.algorithm}:{self._hasher.hexdigest()}"
        if actual != self._digest:
            raise ImageError(f"{self._what} has the digest {actual} instead of {self._digest}.")


def digest_of(content: bytes) -> str:
    """Return the sha256 digest of `content` as a plain `str`: PyYAML, for example, refuses subclasses."""
    return str(Digest.of(content))


def parse_digest(text: str) -> Digest:
    """Return `text` as a digest. Raises ImageError for any other text."""
    try:
        return Digest.parse(text)
    except ValueError:
        raise ImageError(f"'{text}' is not a digest.") from None


def parse_json(content: bytes, where: str) -> Any:
    """Return the JSON in `content`, which `where` names in the ImageError."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ImageError(f"{where} is not JSON: {error}") from None


def parse_object(content: bytes, where: str) -> dict[str, Any]:
    """Return the JSON object in `content`, which `where` names in the ImageError."""
    document = parse_json(content, where)
    if not isinstance(document, dict):
        raise ImageError(f"{where} is not a JSON object.")
    return document


def _distinct(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple({blob.digest: blob for blob in blobs}.values())
