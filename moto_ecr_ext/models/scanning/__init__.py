"""Scans of images."""
