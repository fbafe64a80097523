"""The names that `moto_ecr_ext.testing` offers, wherever in it they are defined."""

from __future__ import annotations

from types import ModuleType

from moto_ecr_ext import testing

NAMES = [
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


def test_the_names_stay() -> None:
    """Users import these names and no others; `*` imports the same."""
    assert testing.__all__ == NAMES
    public = {
        name
        for name, value in vars(testing).items()
        if not name.startswith("_") and name != "annotations" and not isinstance(value, ModuleType)
    }
    assert public == set(NAMES)
