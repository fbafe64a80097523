"""Repositories, their settings and policies."""
