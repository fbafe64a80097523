"""Pushing and pulling through the API of any ECR, with a boto3 client."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from moto_ecr_ext.oci.digest import is_api_digest
from moto_ecr_ext.oci.media_types import INDEX_TYPES

from .descriptors import CheckedDescriptor
from .values import (
    CHUNK,
    DOCKER,
    OCI,
    Blob,
    ExpectedDigest,
    Image,
    ImageError,
    Index,
    parse_digest,
    parse_object,
)

MANIFEST_TYPES = (OCI.manifest, DOCKER.manifest, OCI.index, DOCKER.index)
"""The media types of manifests to push and pull; schema 1 is not supported."""


def push(
    client: Any,
    repository_name: str,
    image: Image | Index,
    tag: str | None = None,
    *,
    registry_id: str | None = None,
) -> str:
    """Push an image, or an index after everything it lists, and return its digest.

    Layers that the repository has are not sent again. Pushing the same image under the same tag again succeeds and
    changes nothing.
    """
    return _Repository(client, repository_name, registry_id).push(image, tag)


def pull(
    client: Any, repository_name: str, reference: str, *, registry_id: str | None = None
) -> Image | Index:
    """Pull the image or index of `reference`, a tag or a digest, with everything below it.

    The manifest comes from BatchGetImage, each blob from GetDownloadUrlForLayer and a plain GET; every digest and size
    is checked. Blobs are held in memory; `download_blob` streams one.
    """
    return _Repository(client, repository_name, registry_id).pull(reference, {})


def pull_manifest(
    client: Any, repository_name: str, reference: str, *, registry_id: str | None = None
) -> tuple[bytes, str]:
    """Return the manifest of a tag or a digest, which is checked, and its media type."""
    return _Repository(client, repository_name, registry_id).manifest(reference)


def upload_blob(
    client: Any, repository_name: str, blob: Blob, *, registry_id: str | None = None
) -> None:
    """Upload one blob, in parts of the size that InitiateLayerUpload returns.

    A blob that the repository has is sent again, without an error.
    """
    _Repository(client, repository_name, registry_id).upload(blob)


def download_blob(
    client: Any, repository_name: str, digest: str, *, registry_id: str | None = None
) -> Iterator[bytes]:
    """Stream a blob through GetDownloadUrlForLayer.

    Raises `ImageError` after the last chunk if the bytes have another digest.
    """
    return _Repository(client, repository_name, registry_id).download(digest)


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
        # Another client has uploaded the same bytes meanwhile.
        with suppress(self.client.exceptions.LayerAlreadyExistsException):
            self.client.complete_layer_upload(**session, layerDigests=[blob.digest])

    def pull(self, reference: str, pulled: _Pulled) -> Image | Index:
        """Pull an image or index. The blobs in `pulled` are not downloaded again."""
        manifest, media_type = self.manifest(reference)
        where = f"Manifest {reference} in repository {self.name}"
        document = parse_object(manifest, where)
        if media_type in INDEX_TYPES:
            children = CheckedDescriptor.parse_list(document, "manifests", where)
            return Index(
                manifest, media_type, [self.pull(child.digest, pulled) for child in children]
            )
        if media_type not in MANIFEST_TYPES:
            raise ImageError(f"{where} is not an image or an index: {media_type}.")
        config = CheckedDescriptor.parse(document.get("config"), where)
        layers = CheckedDescriptor.parse_list(document, "layers", where)
        return Image(
            manifest,
            media_type,
            self._blob(config, pulled),
            [self._blob(layer, pulled) for layer in layers if layer.is_distributed],
        )

    def download(self, text: str) -> Iterator[bytes]:
        # It is imported late because only pulling needs it. moto's decorator intercepts it.
        import requests

        digest = parse_digest(text)
        url = self.client.get_download_url_for_layer(**self.names, layerDigest=text)["downloadUrl"]
        expected = ExpectedDigest(digest, f"The download of repository {self.name}")
        # Request the stored bytes, unchanged by servers and proxies.
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, headers=headers, stream=True, timeout=60) as response:
            if response.status_code != 200:
                raise ImageError(
                    f"The download URL of {digest} answered {response.status_code}: "
                    f"{response.text[:200]}"
                )
            for chunk in response.iter_content(CHUNK):
                expected.update(chunk)
                yield chunk
        expected.check()

    def _available(self, digests: list[str]) -> set[str]:
        available: set[str] = set()
        for start in range(0, len(digests), 100):  # BatchCheckLayerAvailability accepts up to 100.
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
            # The error means that nothing would change, or that the tag is immutable and another image's. Only the
            # first is a success, and servers differ in the error that they raise.
            if tag is not None and self._tagged(tag) != image.digest:
                raise

    def _tagged(self, tag: str) -> str | None:
        # BatchGetImage would count as a pull.
        details = self.client.describe_images(**self.names, imageIds=[{"imageTag": tag}])
        digests: list[str] = [image["imageDigest"] for image in details["imageDetails"]]
        return digests[0] if digests else None

    def manifest(self, reference: str) -> tuple[bytes, str]:
        """Return the manifest of a tag or digest, and its media type."""
        image_id = {"imageDigest" if is_api_digest(reference) else "imageTag": reference}
        answer = self.client.batch_get_image(
            **self.names,
            imageIds=[image_id],
            # For a tag, ECR translates the manifest into an accepted type.
            acceptedMediaTypes=[*MANIFEST_TYPES],
        )
        where = f"{reference} in repository {self.name}"
        if not answer["images"]:
            reasons = [failure.get("failureReason", "") for failure in answer.get("failures", [])]
            raise ImageError(f"There is no image {where}. {' '.join(reasons)}".rstrip())
        image = answer["images"][0]
        manifest: bytes = image["imageManifest"].encode()
        digest = image_id.get("imageDigest") or image["imageId"]["imageDigest"]
        expected = ExpectedDigest(parse_digest(digest), f"Manifest {where}")
        expected.update(manifest)
        expected.check()
        media_type = image.get("imageManifestMediaType")
        return manifest, str(media_type or parse_object(manifest, where).get("mediaType"))

    def _blob(self, descriptor: CheckedDescriptor, pulled: _Pulled) -> Blob:
        # The digest alone is not enough: the same bytes may be a configuration in one manifest and a layer in
        # another.
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
