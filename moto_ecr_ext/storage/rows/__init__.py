"""Rows, by the noun that they are of: typed values, and a function for each question that is asked of them."""

from . import (
    blobs,
    images,
    integrity,
    manifests,
    references,
    registry_settings,
    repositories,
    scans,
    storage_class,
    store,
    tags,
    uploads,
)

__all__ = [
    "blobs",
    "images",
    "integrity",
    "manifests",
    "references",
    "registry_settings",
    "repositories",
    "scans",
    "storage_class",
    "store",
    "tags",
    "uploads",
]
