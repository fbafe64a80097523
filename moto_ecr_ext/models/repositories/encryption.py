"""The encryption that a repository is created with. Nothing is encrypted by it.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

import uuid

from moto_ecr_ext.exceptions import InvalidParameterException
from moto_ecr_ext.services import kms

_AWS_MANAGED_KEY = "alias/aws/ecr"
# Keys that nobody has made differ between accounts, and are always the same for one account.
_KEYS = uuid.UUID("5c0dfb1e-6f0c-4b53-9d3e-4f6f8a4f3f10")


def encryption_configuration_of(
    given: dict[str, str] | None, account_id: str, region: str
) -> dict[str, str]:
    """Return the configuration that is stored and shown: AES256 by default, KMS always with a key's ARN.

    The key may be given by its id, its ARN, or an alias. Unlike on AWS it need not exist; an alias
    is that of moto's KMS where it has it. Raises InvalidParameterException for a key beside AES256.
    """
    if not given:
        return {"encryptionType": "AES256"}
    check_encryption_configuration(given)
    if given["encryptionType"] == "AES256":
        return {"encryptionType": "AES256"}
    key = given.get("kmsKey") or _AWS_MANAGED_KEY
    return {
        "encryptionType": given["encryptionType"],
        "kmsKey": _key_arn(key, account_id, region),
    }


def check_encryption_configuration(given: dict[str, str]) -> None:
    """Raise InvalidParameterException for a key beside AES256. An empty one, which templates may have, is none."""
    if given["encryptionType"] == "AES256" and given.get("kmsKey"):
        raise InvalidParameterException.at(
            "encryptionConfiguration.kmsKey",
            "Must not be specified when encryptionType is AES256",
        )


def _key_arn(key: str, account_id: str, region: str) -> str:
    if key.startswith("arn:") and ":alias/" not in key:
        return key
    if "alias/" in key:
        key = _key_of_alias("alias/" + key.partition("alias/")[2], account_id, region)
    return kms.key_arn(account_id, region, key)


def _key_of_alias(alias: str, account_id: str, region: str) -> str:
    if alias != _AWS_MANAGED_KEY:
        found = kms.key_of_alias(alias, account_id, region)
        if found:
            return found
    return str(uuid.uuid5(_KEYS, f"{account_id}/{region}/{alias}"))
