"""The encryption that a repository is created with.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
"""

from __future__ import annotations

import uuid

from moto.utilities.utils import get_partition

from moto_ecr_ext.exceptions import InvalidParameterException

# Keys of accounts differ and are always the same for one account, as that of `alias/aws/ecr` is on AWS.
_AWS_MANAGED_KEYS = uuid.UUID("5c0dfb1e-6f0c-4b53-9d3e-4f6f8a4f3f10")


def encryption_configuration_of(
    given: dict[str, str] | None, account_id: str, region: str
) -> dict[str, str]:
    """The configuration that is stored and shown: AES256 by default, KMS always with a key.

    Nothing is encrypted by it. Raises InvalidParameterException for a key beside AES256.
    """
    if not given:
        return {"encryptionType": "AES256"}
    if given["encryptionType"] == "AES256":
        if given.get("kmsKey"):
            raise InvalidParameterException.at(
                "encryptionConfiguration.kmsKey", "Must not be specified when encryptionType is AES256"
            )
        return {"encryptionType": "AES256"}
    key = given.get("kmsKey") or str(uuid.uuid5(_AWS_MANAGED_KEYS, f"{account_id}/{region}"))
    if not key.startswith(("arn:", "alias/")):
        key = f"arn:{get_partition(region)}:kms:{region}:{account_id}:key/{key}"
    return {"encryptionType": given["encryptionType"], "kmsKey": key}
