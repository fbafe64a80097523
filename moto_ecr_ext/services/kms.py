"""Keys, by the names that moto's KMS has for them."""

from __future__ import annotations

from moto.utilities.utils import get_partition

from .backends import backend_in_use


def key_of_alias(alias: str, account_id: str, region: str) -> str | None:
    """Return the id of the key that an alias (`alias/…`) names; None if KMS has no such alias."""
    backend = backend_in_use("kms", account_id, region)
    key_id: str | None = backend.get_key_id_from_alias(alias) if backend is not None else None
    return key_id


def key_arn(account_id: str, region: str, key_id: str) -> str:
    """Return the ARN of a key."""
    return f"arn:{get_partition(region)}:kms:{region}:{account_id}:key/{key_id}"
