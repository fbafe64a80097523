"""Credentials of upstream registries, which pull-through cache rules keep in moto's Secrets Manager.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
"""

from __future__ import annotations

import json

from moto_ecr_ext.exceptions import (
    SecretNotFoundException,
    UnableToAccessSecretException,
    UnableToDecryptSecretValueException,
)

_MANAGED_KEY = "alias/aws/secretsmanager"


class NoCredentials(Exception):
    """A secret is there, and has no user name and access token."""


def read_secret(arn: str, account_id: str, region: str) -> str:
    """The value of a secret of this account and region; empty where it is no text.

    Raises SecretNotFoundException, UnableToAccessSecretException for a secret of another account or region and for one
    that is being deleted, and UnableToDecryptSecretValueException for one with a key of its own.
    """
    # moto's Secrets Manager takes a while to import, and only who names a secret has any.
    from moto.secretsmanager.exceptions import SecretsManagerClientError
    from moto.secretsmanager.models import secretsmanager_backends

    if arn.split(":")[3:5] != [region, account_id]:
        raise UnableToAccessSecretException
    backend = secretsmanager_backends[account_id][region]
    try:
        secret = backend.describe_secret(arn)
    except SecretsManagerClientError:
        raise SecretNotFoundException from None
    if (getattr(secret, "kms_key_id", None) or _MANAGED_KEY) != _MANAGED_KEY:
        raise UnableToDecryptSecretValueException
    try:
        value = backend.get_secret_value(secret.arn, None, None)  # type: ignore[arg-type]
    except SecretsManagerClientError:
        raise UnableToAccessSecretException from None
    return str(value.get("SecretString", ""))


def credentials_of(arn: str, account_id: str, region: str) -> tuple[str, str]:
    """Return the user name and the access token in a secret. Raises as `read_secret`, and NoCredentials."""
    try:
        value = json.loads(read_secret(arn, account_id, region))
        user_name, access_token = value["username"], value["accessToken"]
    except (ValueError, TypeError, KeyError):
        raise NoCredentials from None
    if not isinstance(user_name, str) or not isinstance(access_token, str):
        raise NoCredentials
    return user_name, access_token
