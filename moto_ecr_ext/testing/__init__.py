"""Images for tests: built here, read from disk, pushed and pulled through the API.

    image = build_image(layers=3, layer_size=5_000_000)
    push(boto3.client("ecr"), "team/app", image, tag="1.0")
    assert pull(boto3.client("ecr"), "team/app", "1.0").digest == image.digest

Real clients accept built images: layers are tar archives, the configuration lists the
digests of the uncompressed layers, every digest is computed from bytes. The same arguments give the
same bytes on every Python and every machine, so a digest may be written into a test.

Pushing and pulling need only a boto3 ECR client, so all functions but `queue_scan_findings` also
work against AWS. An error of the API reaches the caller as boto3's exception, everything else as
`ImageError`.
"""

from __future__ import annotations

from .archives import push_docker_archive
from .builder import build_artifact, build_image, build_index
from .client import download_blob, pull, push, upload_blob
from .findings import queue_scan_findings
from .fixtures import ImageBuilder, MotoECR, RegistryInProcess, RunningServer
from .layers import Compression, Files, build_layer
from .layouts import push_oci_layout, write_oci_layout
from .values import DOCKER, OCI, Blob, Image, ImageError, Index, Layer, MediaTypes

__all__ = [
    "DOCKER",
    "OCI",
    "Blob",
    "Compression",
    "Files",
    "Image",
    "ImageBuilder",
    "ImageError",
    "Index",
    "Layer",
    "MediaTypes",
    "MotoECR",
    "RegistryInProcess",
    "RunningServer",
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
