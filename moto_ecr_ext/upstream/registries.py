"""The kinds of upstream registries in pull-through cache rules: their names in ECR, and their URLs.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ECR = "ecr"
"""The name of another ECR registry. Another account's registry is read as the rule's role, otherwise as the registry.
"""
ECR_PUBLIC_PREMIUM = "ecr-public-premium"
"""The name of the registry of ECR Public's paid images. It is read as ECR, or by two roles, but not by a secret."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A kind of upstream registry. `url` is a regular expression for the URLs in rules, which consist of a host."""

    name: str
    url: str
    needs_credentials: bool

    def match(self, url: str) -> re.Match[str] | None:
        """Return the match of a rule's URL, or None if it belongs to another kind."""
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
        Upstream(ECR_PUBLIC_PREMIUM, r"ecr-premium\.aws\.com", needs_credentials=False),
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
    """Return the upstream of a rule's URL, or None."""
    return next((upstream for upstream in UPSTREAMS.values() if upstream.match(url)), None)
