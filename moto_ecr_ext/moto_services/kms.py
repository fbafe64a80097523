"""Keys of moto's KMS for the encryption of repositories."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, NamedTuple

from moto.utilities.utils import get_partition

from moto_ecr_ext.exceptions import KmsException

from .backends import backend_in_use

_ARN = re.compile(
    r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):"
    r"(?:key/(?P<key>[^/]+)|(?P<alias>alias/.+))"
)


class KeyName(NamedTuple):
    """The name of a key: its id, or an alias (`alias/…`), with its account and Region."""

    account_id: str
    region: str
    key_id: str | None
    alias: str | None

    @property
    def arn(self) -> str:
        """The ARN of the key, or of the alias."""
        resource = self.alias or f"key/{self.key_id}"
        # The partition is moto's, so that this is the ARN that its KMS gave the key.
        return f"arn:{get_partition(self.region)}:kms:{self.region}:{self.account_id}:{resource}"


def parse_key_name(text: str, account_id: str, region: str) -> KeyName:
    """Return the name of a key in a text: an ARN, or an id or alias of this account and Region. Raises KmsException.

    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_EncryptionConfiguration.html
    """
    if text.startswith("alias/"):
        return KeyName(account_id, region, None, text)
    if not text.startswith("arn:"):
        return KeyName(account_id, region, text, None)
    match = _ARN.fullmatch(text)
    if match is None:
        raise KmsException("InvalidArnException", f"Invalid arn {text}")
    return KeyName(match["account"], match["region"], match["key"], match["alias"])


def find_key(name: KeyName, region: str) -> str | None:
    """Return the ARN of a key that may encrypt in a Region; None if moto's KMS has no keys that a user created.

    If it has such keys, raises KmsException for a key that does not exist in this Region or cannot be used. AWS's
    messages are KMS's own; only that of a missing key is known: https://github.com/boto/botocore/issues/2107.
    """
    keys = _customer_keys(name.account_id, region)
    if name.region != region:
        if keys or _customer_keys(name.account_id, name.region):
            raise KmsException("InvalidArnException", f"Invalid arn {name.region}")
        return None
    if not keys:
        return None
    for key in keys:
        if key.key_id == name.key_id or name.alias in key.aliases:
            arn = name._replace(key_id=key.key_id, alias=None).arn
            _check_state(arn, key.state)
            return arn
    if name.alias is not None:
        raise KmsException("NotFoundException", f"Alias {name.arn} is not found.")
    raise KmsException("NotFoundException", f"Key '{name.arn}' does not exist")


def _check_state(arn: str, state: str) -> None:
    if state == "Disabled":
        raise KmsException("DisabledException", f"{arn} is disabled.")
    if state != "Enabled":
        # PendingDeletion, PendingImport, …
        words = re.sub("(?<=[a-z])(?=[A-Z])", " ", state).lower()
        raise KmsException("KMSInvalidStateException", f"{arn} is {words}.")


class _Key(NamedTuple):
    key_id: str
    state: str
    aliases: Collection[str]


def _customer_keys(account_id: str, region: str) -> list[_Key]:
    """Return the keys that users created there.

    Keys with an alias of AWS are left out: moto creates them when such an alias is used.
    """
    backend = backend_in_use("kms", account_id, region)
    if backend is None:
        return []
    keys = [
        _Key(key_id, key.key_state, _aliases(backend, key))
        for key_id, key in list(backend.keys.items())
    ]
    return [key for key in keys if not any(name.startswith("alias/aws/") for name in key.aliases)]


def _aliases(backend: Any, key: Any) -> Collection[str]:
    if hasattr(key, "aliases"):
        return list(key.aliases)
    return list(backend.key_to_aliases.get(key.id, ()))  # moto 5.1
