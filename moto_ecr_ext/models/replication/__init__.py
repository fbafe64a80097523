"""Replication of images to other registries."""
