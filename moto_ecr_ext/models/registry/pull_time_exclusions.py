"""Pull-time update exclusions: users and roles whose pulls do not change `lastRecordedPullTime`.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html

`storage.pulls` applies them when it writes the times of pulls.
"""

from __future__ import annotations

from typing import Any

from moto_ecr_ext import settings
from moto_ecr_ext.clock import timestamp
from moto_ecr_ext.exceptions import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    LimitExceededException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import cut_page, decode_token, page_size
from moto_ecr_ext.moto_services.iam import identity_of
from moto_ecr_ext.storage import rows
from moto_ecr_ext.storage.database.transaction import RowRefused


class PullTimeExclusionsBackend(RegistryBackend):
    """Operations on the registry's pull-time update exclusions. The principals need not exist in IAM."""

    def register_pull_time_update_exclusion(self, principal_arn: str) -> dict[str, Any]:
        """Exclude a user, or a role with all of its sessions, from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html
        """
        self.store.pulls.write()
        at = timestamp()
        registry = (self.account_id, self.region_name)
        with self.store.database.write() as transaction:
            try:
                rows.pull_time_exclusions.insert(
                    transaction, *registry, principal_arn, identity_of(principal_arn), at
                )
            except RowRefused:
                raise ExclusionAlreadyExistsException from None
            most = settings.quota("pull_time_update_exclusions")
            if rows.pull_time_exclusions.count(transaction, *registry) > most:
                raise LimitExceededException(
                    f"The maximum number of pull time update exclusions, {most}, has been reached."
                )
        return {"principalArn": principal_arn, "createdAt": at}

    def deregister_pull_time_update_exclusion(self, principal_arn: str) -> dict[str, Any]:
        """Let the principal's pulls count again, from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeregisterPullTimeUpdateExclusion.html
        """
        self.store.pulls.write()
        with self.store.database.write() as transaction:
            if not rows.pull_time_exclusions.delete(
                transaction, self.account_id, self.region_name, principal_arn
            ):
                raise ExclusionNotFoundException
        return {"principalArn": principal_arn}

    def list_pull_time_update_exclusions(
        self, max_results: int | None = None, next_token: str | None = None
    ) -> dict[str, Any]:
        """Return the ARNs in the order in which they were registered.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html
        """
        listing = "ListPullTimeUpdateExclusions"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        count = page_size(max_results)
        with self.store.database.read() as view:
            found = rows.pull_time_exclusions.page(
                view, self.account_id, self.region_name, after, count + 1
            )
        page, token = cut_page(listing, found, max_results, lambda row: [row.id])
        return {
            "pullTimeUpdateExclusions": [row.principal_arn for row in page],
            "nextToken": token,
        }
