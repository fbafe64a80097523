"""Prefixes of repository names, which select creation templates and pull-through cache rules.

A prefix ends with a `/`, written or not, so a repository is not covered by its own name
(https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-creation-templates-concepts.html).
"""

from __future__ import annotations

# The prefix that covers every repository.
ROOT = "ROOT"


def without_slash(prefix: str) -> str:
    """Return the prefix as it is stored: without a trailing `/`, which makes no difference."""
    return prefix.removesuffix("/")


def prefixes_of(repository_name: str) -> list[str]:
    """Return the prefixes that cover a repository, the longest first and ROOT last."""
    parts = repository_name.split("/")
    return ["/".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)] + [ROOT]
