"""Shared parts of the tests: environments of the registry, its clients, other programs and servers."""
