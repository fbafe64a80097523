"""Upstream registries of the pull-through cache."""
