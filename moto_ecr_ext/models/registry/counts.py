"""Counts of calls and pulls, for CloudWatch, and the last requests, for the web page."""

from __future__ import annotations

from moto_ecr_ext.clock import now
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage.counts import Count
from moto_ecr_ext.storage.recent_requests import AnsweredRequest as AnsweredRequest
from moto_ecr_ext.storage.store import open_store

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/monitoring-usage.html
COUNTED = frozenset(
    (
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "CompleteLayerUpload",
        "GetAuthorizationToken",
        "GetDownloadUrlForLayer",
        "InitiateLayerUpload",
        "PutImage",
        "UploadLayerPart",
    )
)


class CountsBackend(RegistryBackend):
    """Counts of this registry."""

    def count_call(self, operation: str) -> None:
        """Count a call of an operation by either protocol, if AWS counts it."""
        if operation in COUNTED:
            self.store.counts.add(self.account_id, self.region_name, "CallCount", operation, now())

    def counts(self) -> list[Count]:
        """Return the counts of this registry."""
        return self.store.counts.of_registry(self.account_id, self.region_name)

    def requests_behind(self, number: int) -> list[AnsweredRequest]:
        """Return the last requests to all registries with a greater number, in order."""
        return self.store.requests.behind(number)


def note_request(what: str, status: int, took: float, about: str) -> None:
    """Note an answered request of either protocol, which took `took` seconds.

    `what` is the operation, or the method and the path. `about` is a digest, or the registry.
    """
    store = open_store()
    if store is not None:
        store.requests.add(now(), what, status, took, about)
