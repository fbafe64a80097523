"""The registries that a pull-through cache rule can have upstream: their names in ECR, and the URLs each accepts.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# An upstream of another account is read as a role, and one of the same account as the registry itself.
ECR = "ecr"


@dataclass(frozen=True, slots=True)
class Upstream:
    """One of them. `url` is a regular expression for a host, since the URLs of rules are hosts alone."""

    name: str
    url: str
    needs_credentials: bool

    def match(self, url: str) -> re.Match[str] | None:
        """The groups of the whole URL, where a rule for this upstream can have it."""
        return re.fullmatch(self.url, url)


UPSTREAMS = {
    upstream.name: upstream
    for upstream in (
        Upstream(
            ECR,
            r"(?P<account>[0-9]{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?",
            needs_credentials=False,
        ),
        Upstream("ecr-public", r"public\.ecr\.aws", needs_credentials=False),
        Upstream("quay", r"quay\.io", needs_credentials=False),
        Upstream("k8s", r"registry\.k8s\.io", needs_credentials=False),
        Upstream("docker-hub", r"registry-1\.docker\.io", needs_credentials=True),
        Upstream("github-container-registry", r"ghcr\.io", needs_credentials=True),
        Upstream("azure-container-registry", r"[a-zA-Z0-9-]+\.azurecr\.io", needs_credentials=True),
        Upstream("gitlab-container-registry", r"registry\.gitlab\.com", needs_credentials=True),
        Upstream("chainguard", r"cgr\.dev", needs_credentials=True),
    )
}


def upstream_of_url(url: str) -> Upstream | None:
    """The upstream that a rule's URL means; None for a URL that no upstream has."""
    return next((upstream for upstream in UPSTREAMS.values() if upstream.match(url)), None)
