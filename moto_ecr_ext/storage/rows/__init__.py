"""Rows, by the noun that they are of: typed values, and a function for each question that is asked of them."""

from . import blobs, integrity, registry_settings, repositories, store, uploads

__all__ = ["blobs", "integrity", "registry_settings", "repositories", "store", "uploads"]
