"""Credentials of upstream registries, which pull-through cache rules read from moto's Secrets Manager.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-creating-secret.html
"""

from __future__ import annotations

import json

from moto_ecr_ext import faults
from moto_ecr_ext.exceptions.pull_through import (
    SecretNotFoundException,
    UnableToAccessSecretException,
    UnableToDecryptSecretValueException,
)

from .backends import backend_in_use

_MANAGED_KEY = "alias/aws/secretsmanager"


class NoCredentials(Exception):
    """A secret without a user name and an access token."""


def read_secret(arn: str, account_id: str, region: str) -> str:
    """Return the value of a secret of this account and Region; an empty text if the secret is binary.

    Raises SecretNotFoundException, UnableToAccessSecretException for a secret of another account or Region and for one
    that is being deleted, and UnableToDecryptSecretValueException for one with a customer managed key.
    """
    if arn.split(":")[3:5] != [region, account_id]:
        raise UnableToAccessSecretException
    if faults.active and faults.strikes_at("secret_not_found", account_id, region):
        raise SecretNotFoundException
    backend = backend_in_use("secretsmanager", account_id, region)
    if backend is None:
        raise SecretNotFoundException
    # The import is late, since it loads the whole service.
    from moto.secretsmanager.exceptions import SecretsManagerClientError

    try:
        secret = backend.describe_secret(arn)
    except SecretsManagerClientError:
        raise SecretNotFoundException from None
    if (getattr(secret, "kms_key_id", None) or _MANAGED_KEY) != _MANAGED_KEY:
        raise UnableToDecryptSecretValueException
    try:
        value = backend.get_secret_value(secret.arn, None, None)
    except SecretsManagerClientError:
        raise UnableToAccessSecretException from None
    return str(value.get("SecretString", ""))


def read_credentials(arn: str, account_id: str, region: str) -> tuple[str, str]:
    """Return the user name and the access token in a secret. Raises NoCredentials, and the errors of `read_secret`."""
    try:
        value = json.loads(read_secret(arn, account_id, region))
        user_name, token = value["username"], value["accessToken"]
    except (ValueError, TypeError, KeyError):
        raise NoCredentials from None
    if not isinstance(user_name, str) or not isinstance(token, str):
        raise NoCredentials
    return user_name, token
