"""Pull-time update exclusions: users and roles whose pulls leave `lastRecordedPullTime` alone.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html

What they do is in `storage.pulls`, where times of pulls are written.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, func, select
from sqlalchemy.exc import IntegrityError

from moto_ecr_ext.clock import now
from moto_ecr_ext.exceptions import (
    ExclusionAlreadyExistsException,
    ExclusionNotFoundException,
    LimitExceededException,
)
from moto_ecr_ext.models.base import RegistryBackend
from moto_ecr_ext.models.paging import DEFAULT_PAGE_SIZE, decode_token, encode_token
from moto_ecr_ext.services.principals import identity_of
from moto_ecr_ext.storage.rows import tables

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-time-update-exclusions.html
MAX_EXCLUSIONS = 100

exclusions = tables.pull_time_exclusions

_IN_REGISTRY = (exclusions.c.account_id == bindparam("account")) & (
    exclusions.c.region == bindparam("in_region")
)
_COUNT = select(func.count()).where(_IN_REGISTRY)
_DELETE = exclusions.delete().where(
    _IN_REGISTRY, exclusions.c.principal_arn == bindparam("principal")
)
_PAGE = (
    select(exclusions.c.id, exclusions.c.principal_arn)
    .where(_IN_REGISTRY, exclusions.c.id > bindparam("after"))
    .order_by(exclusions.c.id)
    .limit(bindparam("count"))
)


class PullTimeExclusionsBackend(RegistryBackend):
    """Operations on the registry's pull-time update exclusions. Whether IAM knows the principal is not asked."""

    def register_pull_time_update_exclusion(self, principal_arn: str) -> dict[str, Any]:
        """Exclude a user, or a role with all of its sessions, from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html
        """
        self.store.pulls.write()
        at = round(now(), 3)
        with self.store.database.write() as transaction:
            try:
                transaction.execute(
                    exclusions.insert(),
                    {
                        "account_id": self.account_id,
                        "region": self.region_name,
                        "principal_arn": principal_arn,
                        "identity": identity_of(principal_arn),
                        "created_at": at,
                    },
                )
            except IntegrityError:
                raise ExclusionAlreadyExistsException from None
            if transaction.execute(_COUNT, self._exclusions_key).scalar_one() > MAX_EXCLUSIONS:
                raise LimitExceededException(
                    f"The maximum number of pull time update exclusions, {MAX_EXCLUSIONS}, "
                    "has been reached."
                )
        return {"principalArn": principal_arn, "createdAt": at}

    def deregister_pull_time_update_exclusion(self, principal_arn: str) -> dict[str, Any]:
        """Let the principal's pulls count again, from now on.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DeregisterPullTimeUpdateExclusion.html
        """
        self.store.pulls.write()
        with self.store.database.write() as transaction:
            key = {**self._exclusions_key, "principal": principal_arn}
            if transaction.execute(_DELETE, key).rowcount == 0:
                raise ExclusionNotFoundException
        return {"principalArn": principal_arn}

    def list_pull_time_update_exclusions(
        self, max_results: int | None = None, next_token: str | None = None
    ) -> dict[str, Any]:
        """The ARNs in the order in which they were registered.

        https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ListPullTimeUpdateExclusions.html
        """
        listing = "ListPullTimeUpdateExclusions"
        [after] = decode_token(listing, next_token, (int,)) or [0]
        count = max_results or DEFAULT_PAGE_SIZE
        with self.store.database.read() as transaction:
            rows = transaction.execute(
                _PAGE, {**self._exclusions_key, "after": after, "count": count + 1}
            ).all()
        page = rows[:count]
        return {
            "pullTimeUpdateExclusions": [row.principal_arn for row in page],
            "nextToken": encode_token(listing, [page[-1].id]) if len(rows) > count else None,
        }

    @property
    def _exclusions_key(self) -> dict[str, str]:
        return {"account": self.account_id, "in_region": self.region_name}
