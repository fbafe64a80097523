"""Carriers: the ways on which requests reach the registry."""
