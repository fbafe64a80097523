"""Images to test with: built here, read from disk, pushed and pulled through the API.

    image = build_image(layers=3, layer_size=5_000_000)
    push(boto3.client("ecr"), "team/app", image, tag="1.0")
    assert pull(boto3.client("ecr"), "team/app", "1.0").digest == image.digest

Built images are what real clients accept: layers are tar archives, the configuration lists the
digests of the uncompressed layers, every digest is computed from bytes. The same arguments give the
same bytes on every Python and every machine, so a digest may be written into a test.

Pushing and pulling need a boto3 ECR client and nothing else of this package: they work with any
server that speaks ECR's API; only `queue_scan_findings` is for this one alone. An error of the API
reaches the caller as boto3's exception, everything else as `ImageError`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import posixpath
import re
import shutil
import stat
import struct
import tarfile
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from moto_ecr_ext.oci.digest import HASHERS, digest_of, is_digest

__all__ = [
    "DOCKER",
    "OCI",
    "Blob",
    "Compression",
    "Files",
    "Image",
    "ImageError",
    "Index",
    "Layer",
    "MediaTypes",
    "build_artifact",
    "build_image",
    "build_index",
    "build_layer",
    "download_blob",
    "pull",
    "push",
    "push_docker_archive",
    "push_oci_layout",
    "queue_scan_findings",
    "upload_blob",
    "write_oci_layout",
]

Compression = Literal["gzip", "none"]
_PathLike = str | os.PathLike[str]
# What goes into one layer: contents (or files and directories on disk) by path, or one directory on
# disk.
Files = Mapping[str, bytes | os.PathLike[str]] | _PathLike


class ImageError(Exception):
    """An image, layout, archive or answer is not what it claims to be; the message says how."""


@dataclass(frozen=True)
class MediaTypes:
    """The names that one family of formats has for the parts of an image."""

    manifest: str
    index: str
    config: str
    layer_tar: str
    layer_gzip: str


OCI = MediaTypes(
    manifest="application/vnd.oci.image.manifest.v1+json",
    index="application/vnd.oci.image.index.v1+json",
    config="application/vnd.oci.image.config.v1+json",
    layer_tar="application/vnd.oci.image.layer.v1.tar",
    layer_gzip="application/vnd.oci.image.layer.v1.tar+gzip",
)
DOCKER = MediaTypes(
    manifest="application/vnd.docker.distribution.manifest.v2+json",
    index="application/vnd.docker.distribution.manifest.list.v2+json",
    config="application/vnd.docker.container.image.v1+json",
    layer_tar="application/vnd.docker.image.rootfs.diff.tar",
    layer_gzip="application/vnd.docker.image.rootfs.diff.tar.gzip",
)
_MANIFEST_TYPES = (OCI.manifest, DOCKER.manifest)
_INDEX_TYPES = (OCI.index, DOCKER.index)
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_EPOCH = "1970-01-01T00:00:00Z"
_REF_NAME = "org.opencontainers.image.ref.name"
_CHUNK = 1 << 20


class Blob:
    """Bytes known by digest: a layer, a configuration, the content of an artifact."""

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
        """The bytes as a stream to be read from its beginning to its end."""
        return io.BytesIO(self._content)

    def descriptor(self) -> dict[str, Any]:
        """How a manifest refers to this blob."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.digest} of {self.size} bytes, {self.media_type}>"


class Layer(Blob):
    """A file system layer. `diff_id` is the digest of the tar archive before it was compressed."""

    def __init__(self, content: bytes, media_type: str, diff_id: str) -> None:
        super().__init__(content, media_type)
        self.diff_id = diff_id


class _ManifestBase:
    """JSON that lists descriptors, kept as the bytes that its digest is made of."""

    def __init__(self, manifest: bytes, media_type: str) -> None:
        self.manifest = manifest
        self.media_type = media_type
        self.digest = digest_of(manifest)
        self.size = len(manifest)

    @property
    def document(self) -> dict[str, Any]:
        """The manifest as parsed JSON."""
        return _json_object(self.manifest, f"Manifest {self.digest}")

    def descriptor(self) -> dict[str, Any]:
        """How an index, or the `subject` of another manifest, refers to this manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.digest}, {self.media_type}>"


class Image(_ManifestBase):
    """A manifest with its configuration and layers.

    An artifact is an image too. Layers that registries do not keep (foreign layers of Windows
    images) are named by the manifest only; `layers` leaves them out.
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
        if self.config.media_type not in (OCI.config, DOCKER.config):
            return None
        config = _json_object(self.config.content, f"Configuration {self.config.digest}")
        members = ("architecture", "os", "variant")
        return {member: config[member] for member in members if config.get(member)}


class Index(_ManifestBase):
    """A manifest that lists images, usually one for each platform."""

    def __init__(self, manifest: bytes, media_type: str, images: Iterable[Image | Index]) -> None:
        super().__init__(manifest, media_type)
        self.images = tuple(images)

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """The blobs of all images, each digest once."""
        return _distinct(blob for image in self.images for blob in image.blobs)


def build_layer(
    files: Files | None = None,
    *,
    seed: int | str = 0,
    size: int = 1024,
    compression: Compression = "gzip",
    media_types: MediaTypes = OCI,
) -> Layer:
    """Build a layer from `files`, or from one generated file of `size` incompressible bytes.

    `files` maps paths inside the layer to contents, or to a file or directory on disk;
    alternatively it is a directory on disk itself. Owners and times are zero; of a file on disk the
    permissions are kept. Parent directories are added. Layers are built in memory.
    """
    archive = _tar(_entries(_generated(seed, size) if files is None else files))
    diff_id = digest_of(archive)
    if compression == "none":
        return Layer(archive, media_types.layer_tar, diff_id)
    if compression == "gzip":
        return Layer(_gzip(archive), media_types.layer_gzip, diff_id)
    raise ImageError(f"Compression '{compression}' is neither 'gzip' nor 'none'.")


def build_image(
    *,
    seed: int | str = 0,
    layers: int | Sequence[Blob] | None = None,
    layer_size: int = 1024,
    files: Files | Sequence[Files] | None = None,
    architecture: str = "amd64",
    os: str = "linux",
    variant: str | None = None,
    config: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
    compression: Compression = "gzip",
    media_types: MediaTypes = OCI,
) -> Image:
    """Build an image.

    Its layers are first `layers`, a number of generated ones, or finished ones of `build_layer` or
    another image; then one layer for each of `files`. Without either it has two generated layers. A
    generated layer holds one file of `layer_size` bytes, so the layer is a little larger; generated
    layers of different seeds are different.

    `config` is what containers are run with (`Cmd`, `Env`, `Labels`, ...). `annotations` go into
    the manifest.
    """
    if layers is None:
        layers = 2 if files is None else 0
    if isinstance(layers, int):
        layers = [
            build_layer(
                seed=f"{seed}/{number}",
                size=layer_size,
                compression=compression,
                media_types=media_types,
            )
            for number in range(layers)
        ]
    all_layers: list[Blob] = [*layers]
    for each in _one_or_many(files):
        all_layers.append(build_layer(each, compression=compression, media_types=media_types))
    image_config = {
        "created": _EPOCH,
        "architecture": architecture,
        **({"variant": variant} if variant else {}),
        "os": os,
        "config": dict(config or {}),
        "rootfs": {"type": "layers", "diff_ids": [_diff_id(layer) for layer in all_layers]},
        "history": [
            {"created": _EPOCH, "created_by": f"layer {number} of {len(all_layers)}"}
            for number in range(1, len(all_layers) + 1)
        ],
    }
    return _image(
        media_types,
        config=Blob(_json_bytes(image_config), media_types.config),
        layers=all_layers,
        annotations=annotations,
    )


def build_index(
    images: Iterable[Image | Index],
    *,
    annotations: Mapping[str, str] | None = None,
    media_types: MediaTypes = OCI,
) -> Index:
    """Build an index of images, each with the platform that its configuration names.

    With `media_types=DOCKER` it is a manifest list.
    """
    images = tuple(images)
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.index,
        "manifests": [_listed(image) for image in images],
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Index(_json_bytes(document), media_types.index, images)


def build_artifact(
    *,
    artifact_type: str,
    subject: Image | Index | None = None,
    content: bytes | None = None,
    media_type: str | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Image:
    """Build an OCI 1.1 artifact, such as a signature or an SBOM, that refers to `subject`.

    Its only layer is `content` under `media_type` (by default the artifact type). An artifact
    without content gets the empty blob `{}`, as the image specification advises; so do all
    configurations.
    """
    empty = Blob(b"{}", _EMPTY_TYPE)
    layer = empty if content is None else Blob(content, media_type or artifact_type)
    return _image(
        OCI,
        config=empty,
        layers=[layer],
        annotations=annotations,
        artifact_type=artifact_type,
        subject=subject,
    )


def push(
    client: Any,
    repository_name: str,
    image: Image | Index,
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> str:
    """Push an image, or an index after everything it lists, and return its digest.

    Layers that the repository already has are not sent again. Pushing what is already there, under
    the same tag, succeeds and changes nothing.
    """
    return _Repository(client, repository_name, registry_id).push(image, tag)


def push_oci_layout(
    client: Any,
    repository_name: str,
    path: _PathLike,
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> list[str]:
    """Push an OCI image layout and return the digests.

    The layout is a directory, or a tar archive of one, which may be gzipped.

    Without `tag` everything that `index.json` lists is pushed, under the tag that its annotation
    `org.opencontainers.image.ref.name` gives, or untagged. With `tag` one image is pushed under it:
    the only one, or else the one annotated with this tag.

    An index of which the layout holds a single platform's image is replaced by that image, as
    `docker push` does. Manifests keep their bytes; blobs are streamed and checked on the way.
    """
    with _files_of(Path(path)) as find:
        return _Repository(client, repository_name, registry_id).push_named(
            _Layout(path, find).images(), tag, path
        )


def push_docker_archive(
    client: Any,
    repository_name: str,
    path: _PathLike,
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> list[str]:
    """Push the images of a `docker save` archive (which may be gzipped), and return their digests.

    An archive that is an OCI image layout as well, as Docker 25 and later write them, is pushed as
    that. Any other has no manifest: one of Docker schema 2 is made, over the configuration and the
    layers as they are in the archive. So the image ID stays what `docker images` showed, and layers
    stay uncompressed (media type `application/vnd.docker.image.rootfs.diff.tar`, which Docker,
    containerd, skopeo and crane pull).

    Without `tag` every image is pushed under the tags that it was saved with. With `tag` one image
    is pushed under it: the only one, or else the one that was saved with this tag.
    """
    if Path(path).is_dir():
        raise ImageError(f"{path} is a directory; `docker save` writes a tar archive.")
    with _files_of(Path(path)) as find:
        if find("oci-layout") and find("index.json"):
            images = _Layout(path, find).images()
        else:
            images = _classic_images(path, find)
        return _Repository(client, repository_name, registry_id).push_named(images, tag, path)


def pull(
    client: Any, repository_name: str, reference: str, *, registry_id: str | None = None
) -> Image | Index:
    """Pull the image or index that `reference`, a tag or a digest, names, with everything below it.

    The manifest comes by BatchGetImage, each blob by GetDownloadUrlForLayer and a plain GET; every
    digest and size is checked. Blobs are held in memory; `download_blob` streams one.
    """
    return _Repository(client, repository_name, registry_id).pull(reference, {})


def upload_blob(
    client: Any, repository_name: str, blob: Blob, *, registry_id: str | None = None
) -> None:
    """Upload one blob, in parts of the size that InitiateLayerUpload asks for.

    A blob that the repository already has is sent all the same; that it is there is no error.
    """
    _Repository(client, repository_name, registry_id).upload(blob)


def download_blob(
    client: Any, repository_name: str, digest: str, *, registry_id: str | None = None
) -> Iterator[bytes]:
    """Stream a blob through GetDownloadUrlForLayer.

    Raises `ImageError` after the last chunk when the bytes do not have the digest.
    """
    return _Repository(client, repository_name, registry_id).download(digest)


def write_oci_layout(image: Image | Index, path: _PathLike, tag: str | None = None) -> Path:
    """Write an OCI image layout, which `skopeo copy oci:<path>:<tag>` reads, and return its path.

    A layout that is already there gets one more image; one of the same tag is replaced in its
    index. Images of Docker's media types are written as they are, but skopeo refuses them in a
    layout.
    """
    root = Path(path)
    entry = _listed(image)
    if tag is not None:
        entry["annotations"] = {_REF_NAME: tag}
    entries = [entry]
    if (root / "index.json").is_file():
        with _files_of(root) as find:
            listed = _Layout(root, find).descriptors()
        entries = [
            other.document
            for other in listed
            if other.ref_name != tag or (tag is None and other.digest != image.digest)
        ] + entries
    elif root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise ImageError(f"{root} exists and is not an OCI image layout.")

    _write_contents(image, root)
    (root / "oci-layout").write_bytes(_json_bytes({"imageLayoutVersion": "1.0.0"}))
    (root / "index.json").write_bytes(
        _json_bytes({"schemaVersion": 2, "mediaType": OCI.index, "manifests": entries})
    )
    return root


def queue_scan_findings(
    client: Any,
    repository_name: str,
    findings: Sequence[Mapping[str, Any]] = (),
    *,
    enhanced_findings: Sequence[Mapping[str, Any]] = (),
    tag: str | None = None,
    digest: str | None = None,
    status: str = "COMPLETE",
    description: str = "The scan was completed successfully.",
) -> None:
    """Say what a scan of an image of this repository finds, or how it fails, before or after it.

    It is meant for the image of this tag or digest, or else for any, and for the first that asks.
    The members of a finding are those of ECR's `ImageScanFinding` or `EnhancedImageScanFinding`;
    its times are texts or seconds since the epoch. This is for moto with the extension alone, where
    the client's own endpoint or, under `mock_aws`, this process is told.
    """
    import requests  # As for pulling.

    kind = "enhancedFindings" if enhanced_findings else "findings"
    found = [dict(finding) for finding in (*findings, *enhanced_findings)]
    image_id = {"imageTag": tag, "imageDigest": digest}
    result = {
        "registryId": client.describe_registry()["registryId"],
        "repositoryName": repository_name,
        "imageScanStatus": {"status": status, "description": description},
        "imageScanFindings": {
            kind: found,
            "findingSeverityCounts": Counter(
                finding["severity"] for finding in found if "severity" in finding
            ),
        },
    }
    if tag is not None or digest is not None:
        result["imageId"] = {name: value for name, value in image_id.items() if value is not None}
    endpoint = client.meta.endpoint_url
    if ".amazonaws." in endpoint:
        endpoint = "https://motoapi.amazonaws.com"
    response = requests.post(
        f"{endpoint}/moto-api/static/ecr/scan-finding-results",
        json={
            "results": [result],
            "account_id": result["registryId"],
            "region": client.meta.region_name,
        },
        timeout=60,
    )
    if response.status_code != 201:
        raise ImageError(f"{endpoint} answered {response.status_code} where findings are queued.")


_Pulled = dict[tuple[str, str, int], Blob]


class _Repository:
    """One repository, behind a boto3 client."""

    def __init__(self, client: Any, name: str, registry_id: str | None) -> None:
        self.client = client
        self.name = name
        self.names = {"repositoryName": name}
        if registry_id is not None:
            self.names["registryId"] = registry_id

    def push(self, image: Image | Index, tag: str | None) -> str:
        if isinstance(image, Index):
            for child in image.images:
                self.push(child, None)
        else:
            available = self._available([blob.digest for blob in image.blobs])
            for blob in image.blobs:
                if blob.digest not in available:
                    self.upload(blob)
        self._put(image, tag)
        return image.digest

    def push_named(self, images: list[_Named], tag: str | None, where: _PathLike) -> list[str]:
        if tag is not None:
            images = [_Named(_chosen(images, tag, where), (tag,))]
        for image in images:
            for name in image.tags or (None,):
                self.push(image.manifest, name)
        return [image.manifest.digest for image in images]

    def upload(self, blob: Blob) -> None:
        upload = self.client.initiate_layer_upload(**self.names)
        session = {**self.names, "uploadId": upload["uploadId"]}
        first = 0
        with blob.open() as source:
            while part := source.read(upload["partSize"]):
                # Positions of bytes are inclusive.
                last = first + len(part) - 1
                self.client.upload_layer_part(
                    **session, partFirstByte=first, partLastByte=last, layerPartBlob=part
                )
                first = last + 1
        # Where somebody else was faster, it was with the same bytes.
        with suppress(self.client.exceptions.LayerAlreadyExistsException):
            self.client.complete_layer_upload(**session, layerDigests=[blob.digest])

    def pull(self, reference: str, pulled: _Pulled) -> Image | Index:
        manifest, media_type = self._manifest(reference)
        where = f"Manifest {reference} in repository {self.name}"
        document = _json_object(manifest, where)
        if media_type in _INDEX_TYPES:
            children = _Descriptor.parse_all(document, "manifests", where)
            return Index(
                manifest, media_type, [self.pull(child.digest, pulled) for child in children]
            )
        if media_type not in _MANIFEST_TYPES:
            raise ImageError(f"{where} is neither an image nor an index but {media_type}.")
        config = _Descriptor.parse(document.get("config"), where)
        layers = _Descriptor.parse_all(document, "layers", where)
        return Image(
            manifest,
            media_type,
            self._blob(config, pulled),
            [self._blob(layer, pulled) for layer in layers if not layer.is_foreign],
        )

    def download(self, digest: str) -> Iterator[bytes]:
        # Imported late because only pulling needs it. It is what moto's decorator intercepts.
        import requests

        if not is_digest(digest):
            raise ImageError(f"'{digest}' is not a digest.")
        url = self.client.get_download_url_for_layer(**self.names, layerDigest=digest)[
            "downloadUrl"
        ]
        hasher = HASHERS[digest.partition(":")[0]]()
        # The bytes as they are stored, whatever a server or proxy would like to do with them.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, headers=headers, stream=True, timeout=60) as response:
            if response.status_code != 200:
                raise ImageError(
                    f"The download URL of {digest} answered {response.status_code}: "
                    f"{response.text[:200]}"
                )
            for chunk in response.iter_content(_CHUNK):
                hasher.update(chunk)
                yield chunk
        _expect_digest(hasher.hexdigest(), digest, f"The download of repository {self.name}")

    def _available(self, digests: list[str]) -> set[str]:
        available: set[str] = set()
        for start in range(0, len(digests), 100):  # BatchCheckLayerAvailability takes up to 100.
            answer = self.client.batch_check_layer_availability(
                **self.names, layerDigests=digests[start : start + 100]
            )
            available.update(
                layer["layerDigest"]
                for layer in answer["layers"]
                if layer["layerAvailability"] == "AVAILABLE"
            )
        return available

    def _put(self, image: Image | Index, tag: str | None) -> None:
        image_id = {"imageDigest": image.digest}
        if tag is not None:
            image_id["imageTag"] = tag
        errors = self.client.exceptions
        try:
            self.client.put_image(
                **self.names,
                **image_id,
                imageManifest=image.manifest.decode(),
                imageManifestMediaType=image.media_type,
            )
        except (errors.ImageAlreadyExistsException, errors.ImageTagAlreadyExistsException):
            # Refused although nothing would change, or because the tag is another image's and
            # immutable. Only the first is a success, and servers do not agree on which of the two
            # errors it is.
            if tag is not None and self._tagged(tag) != image.digest:
                raise

    def _tagged(self, tag: str) -> str | None:
        # Not BatchGetImage, which would count as a pull.
        details = self.client.describe_images(**self.names, imageIds=[{"imageTag": tag}])
        digests: list[str] = [image["imageDigest"] for image in details["imageDetails"]]
        return digests[0] if digests else None

    def _manifest(self, reference: str) -> tuple[bytes, str]:
        member = "imageDigest" if ":" in reference else "imageTag"
        answer = self.client.batch_get_image(
            **self.names,
            imageIds=[{member: reference}],
            # ECR translates what is asked for by tag into a type that is accepted.
            acceptedMediaTypes=[*_MANIFEST_TYPES, *_INDEX_TYPES],
        )
        where = f"{reference} in repository {self.name}"
        if not answer["images"]:
            reasons = [failure.get("failureReason", "") for failure in answer.get("failures", [])]
            raise ImageError(f"There is no image {where}. {' '.join(reasons)}".rstrip())
        image = answer["images"][0]
        manifest: bytes = image["imageManifest"].encode()
        digest = reference if ":" in reference else image["imageId"]["imageDigest"]
        if not is_digest(digest):
            raise ImageError(f"'{digest}' is not a digest.")
        computed = digest_of(manifest, digest.partition(":")[0])
        _expect_digest(computed.partition(":")[2], digest, f"Manifest {where}")
        media_type = image.get("imageManifestMediaType")
        return manifest, str(media_type or _json_object(manifest, where).get("mediaType"))

    def _blob(self, descriptor: _Descriptor, pulled: _Pulled) -> Blob:
        # Not by digest alone: the same bytes can be called a configuration here and a layer there.
        key = (descriptor.digest, descriptor.media_type, descriptor.size)
        if key not in pulled:
            content = b"".join(self.download(descriptor.digest))
            if len(content) != descriptor.size:
                raise ImageError(
                    f"Blob {descriptor.digest} has {len(content)} bytes, "
                    f"but its descriptor says {descriptor.size}."
                )
            pulled[key] = Blob(content, descriptor.media_type)
        return pulled[key]


@dataclass(frozen=True)
class _Named:
    """An image of a layout or archive, and the tags that it has there."""

    manifest: Image | Index
    tags: tuple[str, ...]


def _chosen(images: list[_Named], tag: str, where: _PathLike) -> Image | Index:
    if len(images) == 1:
        return images[0].manifest
    for image in images:
        if tag in image.tags:
            return image.manifest
    tags = ", ".join(sorted({name for image in images for name in image.tags})) or "none"
    raise ImageError(
        f"{where} holds {len(images)} images, none of them tagged '{tag}' (tags: {tags})."
    )


_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


def _tag_in(name: str) -> tuple[str, ...]:
    """The tag of a reference name, which is a tag or, as podman writes it, a whole image name."""
    path, _, last = name.rpartition("/")
    image, colon, tag = last.rpartition(":")
    is_tagged = bool(colon) or not path
    return (tag,) if is_tagged and "@" not in image and _TAG.fullmatch(tag) else ()


@dataclass(frozen=True)
class _Descriptor:
    """A descriptor of somebody else's manifest, checked as far as it is used here."""

    media_type: str
    digest: str
    size: int
    document: dict[str, Any]

    @classmethod
    def parse(cls, document: Any, where: str) -> _Descriptor:
        if not isinstance(document, dict):
            raise ImageError(f"{where} lacks a descriptor that it must have.")
        media_type, digest = document.get("mediaType"), document.get("digest")
        size = document.get("size")
        if not (isinstance(media_type, str) and isinstance(digest, str) and is_digest(digest)):
            raise ImageError(f"{where} has a descriptor without a media type or a valid digest.")
        if not isinstance(size, int) or size < 0:
            raise ImageError(f"{where} has a descriptor, {digest}, without a valid size.")
        return cls(media_type, digest, size, document)

    @classmethod
    def parse_all(cls, document: dict[str, Any], member: str, where: str) -> list[_Descriptor]:
        descriptors = document.get(member)
        if not isinstance(descriptors, list):
            raise ImageError(f"{where} has no list '{member}'.")
        return [cls.parse(each, where) for each in descriptors]

    @property
    def ref_name(self) -> str | None:
        annotations = self.document.get("annotations")
        name = annotations.get(_REF_NAME) if isinstance(annotations, dict) else None
        return name if isinstance(name, str) else None

    @property
    def is_foreign(self) -> bool:
        """Whether the layer is downloaded from elsewhere, and registries need not have it."""
        return ".nondistributable." in self.media_type or ".foreign." in self.media_type


@dataclass(frozen=True)
class _StoredFile:
    """A file on disk, or a member of an uncompressed tar archive on disk.

    `where` is what its user calls the directory or archive.
    """

    path: Path
    offset: int
    size: int
    where: Path

    def read(self) -> bytes:
        with self.path.open("rb") as source:
            source.seek(self.offset)
            return source.read(self.size)

    def digest(self) -> str:
        hasher = hashlib.sha256()
        with self.path.open("rb") as source:
            source.seek(self.offset)
            left = self.size
            while left and (chunk := source.read(min(_CHUNK, left))):
                hasher.update(chunk)
                left -= len(chunk)
        return f"sha256:{hasher.hexdigest()}"


_FindFile = Callable[[str], _StoredFile | None]


class _StoredBlob(Blob):
    """A blob that stays on disk until it is read, and is checked against its digest then."""

    def __init__(self, stored: _StoredFile, media_type: str, digest: str) -> None:
        self._stored = stored
        self.media_type = media_type
        self.digest = digest
        self.size = stored.size

    @property
    def content(self) -> bytes:
        with self.open() as source:
            return source.read()

    def open(self) -> BinaryIO:
        return io.BufferedReader(_CheckedReader(self._stored, self.digest))


class _CheckedReader(io.RawIOBase):
    """Reads a stored file once. The read that reaches its end raises unless the digest is right."""

    def __init__(self, stored: _StoredFile, digest: str) -> None:
        super().__init__()
        self._source = stored.path.open("rb")
        self._source.seek(stored.offset)
        self._left = stored.size
        self._where = stored.where
        self._digest = digest
        self._hasher = HASHERS[digest.partition(":")[0]]()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)[: self._left]
        count = self._source.readinto(view)
        self._hasher.update(view[:count])
        self._left -= count
        if not self._left or not count:
            _expect_digest(self._hasher.hexdigest(), self._digest, f"A blob in {self._where}")
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _MissingContent(ImageError):
    """A layout refers to a blob that it does not hold."""


class _Layout:
    """An OCI image layout (OCI Image Specification 1.1, "Image Layout")."""

    def __init__(self, where: _PathLike, find: _FindFile) -> None:
        self._where = where
        self._find = find
        version = _json_object(self._read("oci-layout"), f"oci-layout in {where}")
        if version.get("imageLayoutVersion") != "1.0.0":
            raise ImageError(f"{where} is not an OCI image layout of version 1.0.0.")

    def descriptors(self) -> list[_Descriptor]:
        """What `index.json` lists."""
        where = f"index.json in {self._where}"
        return _Descriptor.parse_all(
            _json_object(self._read("index.json"), where), "manifests", where
        )

    def images(self) -> list[_Named]:
        descriptors = self.descriptors()
        if not descriptors:
            raise ImageError(f"{self._where} holds no image.")
        return [_Named(self._manifest(each), _tag_in(each.ref_name or "")) for each in descriptors]

    def _manifest(self, descriptor: _Descriptor) -> Image | Index:
        where = f"Manifest {descriptor.digest} in {self._where}"
        if descriptor.media_type not in (*_MANIFEST_TYPES, *_INDEX_TYPES):
            raise ImageError(f"{where} is neither an image nor an index: {descriptor.media_type}.")
        manifest = self._blob(descriptor).content
        document = _json_object(manifest, where)
        if descriptor.media_type in _INDEX_TYPES:
            children = _Descriptor.parse_all(document, "manifests", where)
            return self._index(manifest, descriptor.media_type, children)
        config = _Descriptor.parse(document.get("config"), where)
        layers = _Descriptor.parse_all(document, "layers", where)
        return Image(
            manifest,
            descriptor.media_type,
            self._blob(config),
            [self._blob(layer) for layer in layers if not layer.is_foreign],
        )

    def _index(
        self, manifest: bytes, media_type: str, children: list[_Descriptor]
    ) -> Image | Index:
        present: list[Image | Index] = []
        missing: _MissingContent | None = None
        for child in children:
            try:
                present.append(self._manifest(child))
            except _MissingContent as error:
                missing = missing or error
        if missing is None:
            return Index(manifest, media_type, present)
        # `docker save` of an image that was pulled for one platform writes the whole index with one
        # image. The others that may be there are BuildKit's attestations, whose platform is
        # "unknown".
        images = [image for image in present if isinstance(image, Image) and _is_runnable(image)]
        if len(images) == 1:
            return images[0]
        raise missing

    def _blob(self, descriptor: _Descriptor) -> Blob:
        algorithm, _, encoded = descriptor.digest.partition(":")
        stored = self._find(f"blobs/{algorithm}/{encoded}")
        if stored is None:
            raise _MissingContent(f"{self._where} does not hold blob {descriptor.digest}.")
        if stored.size != descriptor.size:
            raise ImageError(
                f"Blob {descriptor.digest} in {self._where} has {stored.size} bytes, "
                f"but its descriptor says {descriptor.size}."
            )
        return _StoredBlob(stored, descriptor.media_type, descriptor.digest)

    def _read(self, name: str) -> bytes:
        stored = self._find(name)
        if stored is None:
            raise ImageError(f"{self._where} is not an OCI image layout: it has no file '{name}'.")
        return stored.read()


def _is_runnable(image: Image) -> bool:
    platform = image.platform
    return platform is not None and platform.get("architecture") not in (None, "unknown")


def _classic_images(where: _PathLike, find: _FindFile) -> list[_Named]:
    stored = find("manifest.json")
    if stored is None:
        raise ImageError(f"{where} is not a `docker save` archive: it has no file 'manifest.json'.")
    saved = _json(stored.read(), f"manifest.json in {where}")
    if not isinstance(saved, list) or not saved:
        raise ImageError(f"manifest.json in {where} lists no image.")
    return [_classic_image(each, where, find) for each in saved]


def _classic_image(saved: Any, where: _PathLike, find: _FindFile) -> _Named:
    def found(name: object) -> _StoredFile:
        stored = find(name) if isinstance(name, str) else None
        if stored is None:
            raise ImageError(f"{where} does not hold '{name}', which its manifest.json names.")
        return stored

    if not isinstance(saved, dict) or not isinstance(saved.get("Layers"), list):
        raise ImageError(f"manifest.json in {where} has an entry without a list 'Layers'.")
    config = Blob(found(saved.get("Config")).read(), DOCKER.config)
    rootfs = _json_object(config.content, f"{saved['Config']} in {where}").get("rootfs")
    diff_ids = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(diff_ids, list) or len(diff_ids) != len(saved["Layers"]):
        raise ImageError(
            f"{where} has {len(saved['Layers'])} layers for an image, which is not the number of "
            f"'diff_ids' in {saved['Config']}."
        )
    layers = [
        _classic_layer(found(name), diff_id, f"{name} in {where}")
        for name, diff_id in zip(saved["Layers"], diff_ids, strict=True)
    ]
    names = saved.get("RepoTags")  # null for an image that was saved by its ID.
    tags = [tag for name in names for tag in _tag_in(str(name))] if isinstance(names, list) else []
    return _Named(_image(DOCKER, config=config, layers=layers), tuple(tags))


def _classic_layer(stored: _StoredFile, diff_id: object, where: str) -> Blob:
    digest = stored.digest()
    if digest == diff_id:
        return _StoredBlob(stored, DOCKER.layer_tar, digest)
    # Docker writes tar archives; ko, kaniko and crane write the same kind of archive with gzipped
    # layers.
    blob = _StoredBlob(stored, DOCKER.layer_gzip, digest)
    try:
        is_right = _diff_id(blob) == diff_id
    except ImageError:
        is_right = False
    if not is_right:
        raise ImageError(f"{where} is not the layer {diff_id} that the image names.")
    return blob


@contextmanager
def _files_of(path: Path) -> Iterator[_FindFile]:
    """What finds a file by name in a directory or in a tar archive, gzipped or not."""
    if path.is_dir():

        def find(name: str) -> _StoredFile | None:
            file = path / name
            return _StoredFile(file, 0, file.stat().st_size, path) if file.is_file() else None

        yield find
        return
    if not path.is_file():
        raise ImageError(f"{path} does not exist.")
    with path.open("rb") as file:
        is_gzipped = file.read(2) == b"\x1f\x8b"
    if not is_gzipped:
        yield _members_of(path, path).get
        return
    with tempfile.TemporaryDirectory() as directory:
        plain = Path(directory, "archive.tar")
        try:
            with gzip.open(path) as source, plain.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise ImageError(f"{path} is a damaged gzip file: {error}") from None
        yield _members_of(plain, path).get


def _members_of(archive_path: Path, where: Path) -> dict[str, _StoredFile]:
    """Where the files of an uncompressed tar archive are, with links followed."""
    try:
        with tarfile.open(archive_path, "r:") as archive:
            members = {posixpath.normpath(member.name): member for member in archive}
    except tarfile.TarError as error:
        raise ImageError(
            f"{where} is not a tar archive, plain or gzipped, or is damaged: {error}"
        ) from None

    files = {}
    for name, member in members.items():
        # Docker up to 24 writes a layer that several images share once, and links to it.
        followed: set[str] = set()
        target: tarfile.TarInfo | None = member
        while target is not None and (target.issym() or target.islnk()):
            directory = posixpath.dirname(target.name) if target.issym() else ""
            link = posixpath.normpath(posixpath.join(directory, target.linkname))
            target = None if link in followed else members.get(link)
            followed.add(link)
        if target is not None and target.isreg():
            files[name] = _StoredFile(archive_path, target.offset_data, target.size, where)
    return files


def _write_contents(image: Image | Index, root: Path) -> None:
    blobs: list[Blob] = [Blob(image.manifest, image.media_type)]
    if isinstance(image, Index):
        for child in image.images:
            _write_contents(child, root)
    else:
        blobs.extend(image.blobs)
    for blob in blobs:
        algorithm, _, encoded = blob.digest.partition(":")
        path = root / "blobs" / algorithm / encoded
        path.parent.mkdir(parents=True, exist_ok=True)
        with blob.open() as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK)


def _image(
    media_types: MediaTypes,
    *,
    config: Blob,
    layers: Sequence[Blob],
    annotations: Mapping[str, str] | None = None,
    artifact_type: str | None = None,
    subject: Image | Index | None = None,
) -> Image:
    document = {
        "schemaVersion": 2,
        "mediaType": media_types.manifest,
        **({"artifactType": artifact_type} if artifact_type else {}),
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
        **({"subject": subject.descriptor()} if subject else {}),
        **({"annotations": dict(annotations)} if annotations else {}),
    }
    return Image(_json_bytes(document), media_types.manifest, config, layers)


def _listed(image: Image | Index) -> dict[str, Any]:
    """The descriptor by which an index lists `image`."""
    descriptor = image.descriptor()
    if artifact_type := image.document.get("artifactType"):
        descriptor["artifactType"] = artifact_type
    if isinstance(image, Image) and (platform := image.platform):
        descriptor["platform"] = platform
    return descriptor


def _diff_id(layer: Blob) -> str:
    """The digest of the tar archive that `layer` is, or is the compressed form of."""
    if isinstance(layer, Layer):
        return layer.diff_id
    if layer.media_type in (OCI.layer_tar, DOCKER.layer_tar):
        return layer.digest
    if layer.media_type not in (OCI.layer_gzip, DOCKER.layer_gzip):
        raise ImageError(f"What {layer!r} compresses is not known.")
    hasher = hashlib.sha256()
    try:
        with layer.open() as compressed, gzip.GzipFile(fileobj=compressed) as archive:
            while chunk := archive.read(_CHUNK):
                hasher.update(chunk)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ImageError(f"{layer!r} is a damaged gzip file: {error}") from None
    return f"sha256:{hasher.hexdigest()}"


def _one_or_many(files: Files | Sequence[Files] | None) -> list[Files]:
    if files is None:
        return []
    if isinstance(files, (str, os.PathLike, Mapping)):
        return [files]
    return list(files)


def _generated(seed: int | str, size: int) -> dict[str, bytes]:
    """A file of bytes that follow from `seed` alone and do not compress.

    SHAKE makes them faster than `random` does, and is a standard.
    """
    block = 1 << 28  # Without OpenSSL a SHAKE digest has to be shorter than 512 MiB.
    content = b"".join(
        hashlib.shake_128(f"{seed}/{start}".encode()).digest(min(block, size - start))
        for start in range(0, size, block)
    )
    return {f"generated/{digest_of(str(seed).encode())[7:19]}": content}


@dataclass(frozen=True)
class _Entry:
    """A member of a tar archive. `kind` is its type flag."""

    kind: bytes
    mode: int
    content: bytes = b""
    target: str = ""


def _entries(files: Files) -> dict[str, _Entry]:
    """The members of a layer by name: what `files` gives, and the directories above."""
    if not isinstance(files, Mapping):
        root = Path(files).resolve()
        if not root.is_dir():
            raise ImageError(f"{files} is not a directory.")
        return dict(_entries_on_disk("", root))
    given: dict[str, _Entry] = {}
    for path, content in files.items():
        parts = [part for part in path.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise ImageError(f"'{path}' is not a path inside a layer.")
        name = "/".join(parts)
        if isinstance(content, bytes):
            given[name] = _Entry(b"0", 0o644, content)
        else:
            given.update(_entries_on_disk(name, Path(content).resolve()))
    parents = {
        name[:end]: _Entry(b"5", 0o755)
        for name in given
        for end, character in enumerate(name)
        if character == "/"
    }
    return {**parents, **given}


def _entries_on_disk(name: str, path: Path) -> Iterator[tuple[str, _Entry]]:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        raise ImageError(f"{path} does not exist.") from None
    permissions = stat.S_IMODE(mode)
    if stat.S_ISREG(mode):
        yield name, _Entry(b"0", permissions, path.read_bytes())
    elif stat.S_ISLNK(mode):
        yield name, _Entry(b"2", 0o777, target=os.readlink(path))
    elif stat.S_ISDIR(mode):
        if name:
            yield name, _Entry(b"5", permissions)
        for child in path.iterdir():
            yield from _entries_on_disk(posixpath.join(name, child.name), child)
    else:
        raise ImageError(f"{path} is neither a file nor a directory nor a symbolic link.")


def _tar(entries: Mapping[str, _Entry]) -> bytes:
    """A POSIX tar archive of `entries`, sorted by name.

    Written by hand: the headers of `tarfile` have changed between Python versions.
    """
    pieces: list[bytes] = []
    for name, entry in sorted(entries.items()):
        path = _path_bytes(name) + (b"/" if entry.kind == b"5" else b"")
        target = _path_bytes(entry.target)
        extended = b"".join(
            _pax_record(keyword, value)
            for keyword, value in ((b"path", path), (b"linkpath", target))
            if len(value) > 100 or not value.isascii()
        )
        if extended:
            header = _tar_header(b"pax/" + path[:90], b"x", 0o644, len(extended))
            pieces += [header, extended, _padding(len(extended))]
        size = len(entry.content)
        pieces += [_tar_header(path, entry.kind, entry.mode, size, target), entry.content]
        pieces.append(_padding(size))
    pieces.append(bytes(1024))
    return b"".join(pieces)


def _tar_header(path: bytes, kind: bytes, mode: int, size: int, target: bytes = b"") -> bytes:
    zero = b"0000000\0"
    octal_mode, octal_size = b"%07o\0" % mode, b"%011o\0" % size
    header = struct.pack(
        "100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x",
        *(path, octal_mode, zero, zero, octal_size, b"%011o\0" % 0, b" " * 8, kind, target),
        *(b"ustar\0", b"00", b"", b"", zero, zero, b""),
    )
    return header[:148] + b"%06o\0 " % sum(header) + header[156:]


def _pax_record(keyword: bytes, value: bytes) -> bytes:
    """`<length> <keyword>=<value>`, in which the length counts its own digits."""
    rest = b" %s=%s\n" % (keyword, value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return b"%d%s" % (length, rest)


def _path_bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _padding(size: int) -> bytes:
    return bytes(-size % 512)


def _gzip(content: bytes) -> bytes:
    """`content` as a gzip file (RFC 1952) of stored blocks.

    Not compressed, because what zlib makes of the same input depends on its version. The header has
    no time and no operating system.
    """
    view = memoryview(content)
    pieces: list[bytes | memoryview] = [b"\x1f\x8b\x08\0" + bytes(4) + b"\0\xff"]
    for start in range(0, len(view), 0xFFFF):
        block = view[start : start + 0xFFFF]
        is_last = start + len(block) == len(view)
        pieces += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    pieces.append(struct.pack("<II", zlib.crc32(view), len(view) & 0xFFFFFFFF))
    return b"".join(pieces)


def _json_bytes(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _json(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except ValueError as error:
        raise ImageError(f"{where} is not JSON: {error}") from None


def _json_object(content: bytes, where: str) -> dict[str, Any]:
    document = _json(content, where)
    if not isinstance(document, dict):
        raise ImageError(f"{where} is not a JSON object.")
    return document


def _distinct(blobs: Iterable[Blob]) -> tuple[Blob, ...]:
    return tuple({blob.digest: blob for blob in blobs}.values())


def _expect_digest(hexdigest: str, digest: str, what: str) -> None:
    algorithm, _, encoded = digest.partition(":")
    if hexdigest != encoded:
        raise ImageError(f"{what} has the digest {algorithm}:{hexdigest} instead of {digest}.")
