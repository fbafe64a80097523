"""What is in an image? Its files over all layers, its configuration and its history.

    from moto_ecr_ext.testing import images

    assert images.read_file("team/app:1.0", "etc/app.conf") == b"debug = false"
    assert images.config("team/app:1.0", platform="linux/arm64")["config"]["User"] == "app"
    assert not images.diff("team/app:1.0", "team/app:1.1").removed

The functions of this module are the methods of `Images()`, which reads the registries of this process: no call is made,
and no pull is recorded. `Images(client)` reads those behind a boto3 client, of a server or of AWS, by BatchGetImage and
GetDownloadUrlForLayer, which count as pulls. Both also take built images. Layers are streamed, so that their size does
not matter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, Protocol

from moto_ecr_ext.exceptions import ECRError
from moto_ecr_ext.models import ECRBackend
from moto_ecr_ext.models.lookup import any_backend, default_registry, registry_backend
from moto_ecr_ext.oci.archives import ArchiveError, unpacked
from moto_ecr_ext.oci.configuration import LARGEST_CONFIG, has_config, history_of, layers_of
from moto_ecr_ext.oci.digest import Digest
from moto_ecr_ext.oci.filesystem import FileEntry, Filesystem
from moto_ecr_ext.oci.manifests import Manifest, parse_manifest
from moto_ecr_ext.oci.platforms import find_platform, platforms_in_index
from moto_ecr_ext.oci.reference import Tag
from moto_ecr_ext.oci.tar import Pieces, TarReader

from .builder import build_artifact, build_image, build_index
from .client import download_blob, pull_manifest
from .layers import LIMITS
from .names import NamedInRegistry
from .values import CHUNK, Image, ImageError, Index, parse_object

__all__ = [
    "Difference",
    "FileEntry",
    "HistoryStep",
    "Images",
    "config",
    "diff",
    "files",
    "history",
    "read_file",
]

AnyImage = str | Image | Index
"""An image: its name in a registry (`team/app:1.0`, `team/app@sha256:...`), or a built one."""


@dataclass(frozen=True)
class HistoryStep:
    """An entry of the history of an image. `layer` is the digest of the layer that it added, or None."""

    created_by: str
    created: str
    comment: str
    layer: str | None


@dataclass(frozen=True)
class Difference:
    """The paths that one image has and the other lacks, and those at which they differ.

    `added` and `removed` have the entries by path, `changed` has those of both images. Times do not count.
    """

    added: Mapping[str, FileEntry]
    removed: Mapping[str, FileEntry]
    changed: Mapping[str, tuple[FileEntry, FileEntry]]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


class _Source(Protocol):
    """Where the manifests and blobs of one repository, or of a built image, come from."""

    def manifest(self, reference: str) -> Manifest: ...

    def chunks(self, digest: str) -> Iterator[bytes]: ...


class Images:
    """Images in the registries of this process, or in those behind a boto3 client of ECR.

    Names without a registry's host are those of the default registry of the process, or of the client; without a tag
    or a digest, `latest` is read. Each method raises ImageError for an image that does not exist or cannot be read.
    `platform` chooses an image of an index. `build`, `build_index` and `build_artifact` are `build_image` and others of
    `moto_ecr_ext.testing`.
    """

    build = staticmethod(build_image)
    build_index = staticmethod(build_index)
    build_artifact = staticmethod(build_artifact)

    def __init__(self, client: Any = None) -> None:
        self._client = client

    def files(self, image: AnyImage, *, platform: str = "") -> dict[str, FileEntry]:
        """Return the files, directories and links of an image by path, with all layers applied."""
        return {entry.path: entry for entry in _filesystem(*self._open(image, platform))}

    def read_file(self, image: AnyImage, path: str, *, platform: str = "") -> bytes:
        """Return the content of a file. Symbolic links are followed, within the image."""
        source, manifest = self._open(image, platform)
        filesystem = _filesystem(source, manifest)
        try:
            entry = filesystem.find(path)
        except ArchiveError:
            entry = None
        if entry is None:
            near = get_close_matches(path, [each.path for each in filesystem], 1)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise ImageError(f"The image has no file {path}{hint}")
        if entry.kind != "file":
            raise ImageError(f"{entry.path} is a {entry.kind}.")
        return b"".join(
            piece
            for content in _contents(source, entry.layer, [entry.offset])
            for piece in content[1]
        )

    def config(self, image: AnyImage, *, platform: str = "") -> dict[str, Any]:
        """Return the configuration of an image: its platform, its command, its environment, its history."""
        return _config(*self._open(image, platform))

    def history(self, image: AnyImage, *, platform: str = "") -> list[HistoryStep]:
        """Return the steps in which an image was built, the first one first."""
        source, manifest = self._open(image, platform)
        return [
            HistoryStep(
                created_by=str(entry.get("created_by") or ""),
                created=str(entry.get("created") or ""),
                comment=str(entry.get("comment") or ""),
                layer=layer.digest if layer else None,
            )
            for entry, layer in history_of(manifest, _config(source, manifest))
        ]

    def diff(self, image: AnyImage, other: AnyImage, *, platform: str = "") -> Difference:
        """Return the files in which `other` differs from `image`, by content, permissions, owner and target."""
        old_source, old_manifest = self._open(image, platform)
        new_source, new_manifest = self._open(other, platform)
        old = {each.path: each for each in _filesystem(old_source, old_manifest)}
        new = {each.path: each for each in _filesystem(new_source, new_manifest)}
        both = [(old[path], new[path]) for path in old if path in new]
        alike = [pair for pair in both if _facts(pair[0]) == _facts(pair[1])]
        # The same content of the same layer is equal.
        unsure = [pair for pair in alike if _place(pair[0]) != _place(pair[1])]
        old_digests = _digests(old_source, [each for each, _ in unsure])
        new_digests = _digests(new_source, [each for _, each in unsure])
        equal = {
            before.path
            for before, after in alike
            if _place(before) == _place(after)
            or old_digests.get(_place(before)) == new_digests.get(_place(after))
        }
        return Difference(
            added={path: entry for path, entry in new.items() if path not in old},
            removed={path: entry for path, entry in old.items() if path not in new},
            changed={pair[0].path: pair for pair in both if pair[0].path not in equal},
        )

    def _open(self, image: AnyImage, platform: str) -> tuple[_Source, Manifest]:
        """Return the source and the manifest of an image, or of that for a platform of an index."""
        source: _Source
        if isinstance(image, str):
            name = NamedInRegistry.parse(image)
            source = self._source(name)
            manifest = source.manifest(name.digest or name.tag or "latest")
        else:
            source = _Built(image)
            manifest = source.manifest(image.digest)
        if not manifest.is_index:
            return source, manifest
        platforms = dict(platforms_in_index(manifest.content))
        chosen = find_platform(platforms, platform) if platform else None
        if not platform and len(platforms) == 1:
            (chosen,) = platforms
        if chosen is None:
            listed = ", ".join(platforms) or "no platform"
            wanted = f"none for {platform}" if platform else "several images: choose a platform"
            raise ImageError(f"The index has {wanted}. It lists {listed}.")
        return source, source.manifest(platforms[chosen])

    def _source(self, name: NamedInRegistry) -> _Source:
        if self._client is not None:
            return _Behind(self._client, name)
        any_backend()  # It says that the extension is not installed.
        registry = name.registry or default_registry()
        return _InProcess(registry_backend(registry.account_id, registry.region), name)


class _Built:
    """A built image, or one that was pulled."""

    def __init__(self, image: Image | Index) -> None:
        self._images = {each.digest: each for each in _all_of(image)}
        self._blobs = {blob.digest: blob for blob in image.blobs}

    def manifest(self, reference: str) -> Manifest:
        image = self._images[reference]
        return _parsed(image.manifest, image.media_type, reference)

    def chunks(self, digest: str) -> Iterator[bytes]:
        if digest not in self._blobs:
            raise ImageError(f"The image lacks the blob {digest}.")
        with self._blobs[digest].open() as stream:
            yield from iter(partial(stream.read, CHUNK), b"")


class _InProcess:
    """A repository in this process."""

    def __init__(self, backend: ECRBackend, name: NamedInRegistry) -> None:
        self._backend = backend
        self._repository = name.repository

    def manifest(self, reference: str) -> Manifest:
        parsed = Digest.parse_or_none(reference) or Tag(reference)
        try:
            row = self._backend.manifest_of(self._repository, parsed)
        except ECRError as error:
            raise ImageError(error.message) from None
        return _parsed(row.manifest, row.media_type, reference)

    def chunks(self, digest: str) -> Iterator[bytes]:
        try:
            blob = self._backend.open_blob(self._repository, Digest(digest))
        except ECRError as error:
            raise ImageError(error.message) from None
        with blob:
            yield from blob.chunks()


class _Behind:
    """A repository behind a boto3 client."""

    def __init__(self, client: Any, name: NamedInRegistry) -> None:
        self._client = client
        self._repository = name.repository
        self._registry_id = name.registry.account_id if name.registry else None

    def manifest(self, reference: str) -> Manifest:
        pulled = pull_manifest(
            self._client, self._repository, reference, registry_id=self._registry_id
        )
        return _parsed(*pulled, reference)

    def chunks(self, digest: str) -> Iterator[bytes]:
        return download_blob(self._client, self._repository, digest, registry_id=self._registry_id)


def _all_of(image: Image | Index) -> Iterator[Image | Index]:
    yield image
    for each in image.images if isinstance(image, Index) else ():
        yield from _all_of(each)


def _parsed(content: bytes, media_type: str, reference: str) -> Manifest:
    try:
        return parse_manifest(content, media_type)
    except ECRError as error:
        raise ImageError(f"Manifest {reference}: {error.message}") from None


def _filesystem(source: _Source, manifest: Manifest) -> Filesystem:
    filesystem = Filesystem()
    for layer in layers_of(manifest):
        try:
            filesystem.add_layer(layer.digest, source.chunks(layer.digest), LIMITS)
        except ArchiveError as error:
            raise ImageError(f"Layer {layer.digest} {error}.") from None
    return filesystem


def _config(source: _Source, manifest: Manifest) -> dict[str, Any]:
    if not has_config(manifest):
        raise ImageError("The image has no configuration of a container.")
    descriptor = manifest.blobs[0]
    if descriptor.size > LARGEST_CONFIG:
        raise ImageError(f"The configuration {descriptor.digest} is too large.")
    content = b"".join(source.chunks(descriptor.digest))
    return parse_object(content, f"Configuration {descriptor.digest}")


def _contents(
    source: _Source, layer: str, offsets: Iterable[int]
) -> Iterator[tuple[int, Iterator[bytes]]]:
    """Yield the contents of a layer at these positions, each to be read before the next."""
    wanted = set(offsets)
    try:
        archive = TarReader(Pieces(unpacked(source.chunks(layer), LIMITS)), LIMITS)
        for entry in archive:
            if entry.kind == "file" and entry.offset in wanted:
                yield entry.offset, archive.content()
                wanted.discard(entry.offset)
                if not wanted:
                    return
    except ArchiveError as error:
        raise ImageError(f"Layer {layer} {error}.") from None


def _facts(entry: FileEntry) -> tuple[object, ...]:
    return entry.kind, entry.size, entry.mode, entry.uid, entry.gid, entry.target


def _place(entry: FileEntry) -> tuple[str, int]:
    return entry.layer, entry.offset


def _digests(source: _Source, entries: Iterable[FileEntry]) -> dict[tuple[str, int], bytes]:
    """Return the hashes of the contents of files, by their places. Each layer is read once."""
    offsets: dict[str, set[int]] = {}
    for entry in entries:
        if entry.kind == "file":
            offsets.setdefault(entry.layer, set()).add(entry.offset)
    found = {}
    for layer, wanted in offsets.items():
        for offset, content in _contents(source, layer, wanted):
            hasher = hashlib.sha256()
            for piece in content:
                hasher.update(piece)
            found[layer, offset] = hasher.digest()
    return found


_OF_PROCESS = Images()
files = _OF_PROCESS.files
read_file = _OF_PROCESS.read_file
config = _OF_PROCESS.config
history = _OF_PROCESS.history
diff = _OF_PROCESS.diff
