"""Lifecycle policies."""
