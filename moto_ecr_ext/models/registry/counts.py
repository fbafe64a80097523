"""How often operations are called and images pulled, for CloudWatch."""

from __future__ import annotations

from moto_ecr_ext.clock import now
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.storage.counts import Count

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
        """Count a call of an operation, whichever protocol it came by, if AWS counts it."""
        if operation in COUNTED:
            self.store.counts.add(self.account_id, self.region_name, "CallCount", operation, now())

    def counts(self) -> list[Count]:
        """Return the counts of this registry."""
        return self.store.counts.of_registry(self.account_id, self.region_name)
