"""The server's contents, read through the API and not through the client that pushed them."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from typing import Any

from moto_ecr_ext import testing
from moto_ecr_ext.testing import Image, Index


@dataclass(frozen=True)
class RemoteRepository:
    """A repository of the server: its name, and what clients push to as the API gave it."""

    name: str
    uri: str
    ecr: Any

    def details(self) -> dict[str, Any]:
        """The images of DescribeImages, by digest."""
        pages = self.ecr.get_paginator("describe_images").paginate(repositoryName=self.name)
        return {each["imageDigest"]: each for page in pages for each in page["imageDetails"]}

    def digest_of(self, tag: str) -> str:
        """The digest of the image that DescribeImages lists under `tag`."""
        (detail,) = self.ecr.describe_images(
            repositoryName=self.name, imageIds=[{"imageTag": tag}]
        )["imageDetails"]
        digest: str = detail["imageDigest"]
        return digest

    def image(self, tag: str) -> Image:
        """The image under `tag`, every byte of it by the JSON API.

        Its digest, its size and its media type are those that DescribeImages lists.
        """
        image = testing.pull(self.ecr, self.name, tag)
        assert isinstance(image, Image)
        self._check_listing(image, tag)
        return image

    def index(self, tag: str) -> Index:
        """The index under `tag` with its images, every byte of it by the JSON API.

        Their digests, sizes and media types are those that DescribeImages lists.
        """
        index = testing.pull(self.ecr, self.name, tag)
        assert isinstance(index, Index)
        self._check_listing(index, tag)
        return index

    def referrers(self, digest: str) -> dict[str, str]:
        """The images of DescribeImages with this subject: the artifact's media type by its digest."""
        return {
            each["imageDigest"]: each["artifactMediaType"]
            for each in self.details().values()
            if each.get("subjectManifestDigest") == digest
        }

    def has_blob(self, digest: str) -> bool:
        """Return whether BatchCheckLayerAvailability lists a blob as available."""
        (layer,) = self.ecr.batch_check_layer_availability(
            repositoryName=self.name, layerDigests=[digest]
        )["layers"]
        availability: str = layer["layerAvailability"]
        return availability == "AVAILABLE"

    def _check_listing(self, image: Image | Index, tag: str) -> None:
        assert tag in self.details()[image.digest]["imageTags"]
        for each in _with_children(image):
            detail = self.details()[each.digest]
            assert detail["imageSizeInBytes"] == _size(each)
            assert detail["imageManifestMediaType"] == each.media_type


def files_of(image: Image) -> dict[str, bytes]:
    """The regular files of an image by path, as its layers have them from the first to the last."""
    files = {}
    for layer in image.layers:
        content = layer.content
        if layer.media_type.endswith("gzip"):
            content = gzip.decompress(content)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            for member in archive:
                if member.isreg():
                    opened = archive.extractfile(member)
                    assert opened is not None
                    files[member.name] = opened.read()
    return files


def _with_children(image: Image | Index) -> list[Image | Index]:
    if isinstance(image, Image):
        return [image]
    return [image, *(each for child in image.images for each in _with_children(child))]


def _size(image: Image | Index) -> int:
    """The size that ECR lists: of an image what it is made of, of an index the largest of these."""
    if isinstance(image, Index):
        return max(_size(each) for each in image.images)
    return image.config.size + sum(layer.size for layer in image.layers)
