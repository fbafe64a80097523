"""Layers and other blobs, and their uploads."""
