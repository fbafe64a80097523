"""The encryption configuration of a repository. It encrypts nothing here.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

import uuid

from moto_ecr_ext.compatibility.switches import current_rules
from moto_ecr_ext.exceptions import InvalidParameterException, KmsException
from moto_ecr_ext.moto_services import kms

_AWS_MANAGED_KEY = "alias/aws/ecr"
# Ids of keys that nobody created differ between accounts, and are always the same for one account.
_KEYS = uuid.UUID("5c0dfb1e-6f0c-4b53-9d3e-4f6f8a4f3f10")


def encryption_configuration_of(
    given: dict[str, str] | None, account_id: str, region: str
) -> dict[str, str]:
    """Return the configuration that is stored and shown: AES256 by default; KMS always has the ARN of a key.

    The key may be given as an id, an ARN or an alias. It must exist only if moto's KMS has keys that a user created;
    see `kms.find_key`. Raises KmsException, and InvalidParameterException for a key with AES256.
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
    """Raise InvalidParameterException for a key with AES256. Templates may have an empty key, which means no key."""
    if given["encryptionType"] == "AES256" and given.get("kmsKey"):
        raise InvalidParameterException.at(
            "encryptionConfiguration",
            "Invalid encryption configuration: "
            "Encryption key should not be set for AES256 encryption.",
        )


def _key_arn(key: str, account_id: str, region: str) -> str:
    try:
        arn = _existing_key(key, account_id, region)
    except KmsException:
        if not current_rules().keys.accept_missing_key(key):
            raise
        return key
    return arn if key == _AWS_MANAGED_KEY else current_rules().keys.shown_key(key, arn)


def _existing_key(key: str, account_id: str, region: str) -> str:
    name = kms.parse_key_name(key, account_id, region)
    if name.alias != _AWS_MANAGED_KEY:
        found = kms.find_key(name, region)
        if found is not None:
            return found
    if name.alias is None:
        return name.arn
    made_up = uuid.uuid5(_KEYS, f"{name.account_id}/{name.region}/{name.alias}")
    return name._replace(key_id=str(made_up), alias=None).arn
