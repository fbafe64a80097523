"""The IAM principal behind an access key."""

from __future__ import annotations

from typing import Any

from moto.iam.access_control import CreateAccessKeyFailure, create_access_key
from moto.utilities.utils import get_partition


def principal_of(account_id: str, region: str, access_key_id: str, headers: Any) -> str:
    """The ARN of the user or session that moto knows the key of, else that of the account as a whole."""
    partition = get_partition(region)
    try:
        arn: str = create_access_key(account_id, partition, access_key_id, headers).arn
    except CreateAccessKeyFailure:
        return account_principal(account_id, region)
    return arn


def identity_of(arn: str) -> str:
    """The user or the role that a principal is, by account, kind and name; a session of a role is the role.

    The path is no part of it: no two of an account differ in that alone, and the ARN of a session does not tell it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html).
    """
    account_id, resource = arn.split(":", 5)[4:]
    kind, *names = resource.split("/")
    if kind == "assumed-role":
        return f"{account_id}:role/{names[0]}"
    return f"{account_id}:{kind}/{names[-1] if names else ''}"


def account_principal(account_id: str, region: str) -> str:
    """The ARN of an account as a whole."""
    return f"arn:{get_partition(region)}:iam::{account_id}:root"
