"""ARNs of repositories, and the accounts, Regions and partitions in them.

Partitions are those of the installed botocore.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/security_iam_service-with-iam.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

from botocore.loaders import Loader

# A small file (8 KB) with every partition, its Regions, and its DNS suffixes.
PARTITIONS: list[dict[str, Any]] = Loader().load_data("partitions")["partitions"]


_ACCOUNT_ID = "[0-9]{12}"
_REPOSITORY_ARN = (
    r"arn:(?P<partition>[a-z-]+):ecr:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":repository/(?P<name>[a-z0-9._/-]+|\*)"
)


@dataclass(frozen=True, slots=True)
class Registry:
    """One account in one Region."""

    account_id: str
    region: str


class RepositoryName(NamedTuple):
    """The name of a repository that may not exist."""

    account_id: str
    region: str
    name: str


def is_account_id(text: str) -> bool:
    """Return True if a text is the id of an account.
    https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-identifiers.html
    """
    return re.fullmatch(_ACCOUNT_ID, text) is not None


def repository_arn(account_id: str, region: str, repository_name: str) -> str:
    return f"arn:{partition_of(region)}:ecr:{region}:{account_id}:repository/{repository_name}"


def repository_of_arn(arn: str) -> RepositoryName | None:
    """Return the repository of an ARN; None for any other text. The name may be `*`, which means all repositories."""
    match = re.fullmatch(_REPOSITORY_ARN, arn)
    if match is None or match["partition"] != partition_of(match["region"]):
        return None
    return RepositoryName(match["account"], match["region"], match["name"])


@lru_cache
def partition_of(region: str) -> str:
    """Return the partition of a Region, such as `aws-cn`; `aws` for an unknown Region."""
    for partition in PARTITIONS:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return str(partition["id"])
    return "aws"
