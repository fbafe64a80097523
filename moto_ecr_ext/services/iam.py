"""moto's enforcement of IAM: whether it is on, and what the policies of a user or a role say.

A test or a server's user turns it on with `set_initial_no_auth_action_count`
(https://docs.getmoto.org/en/latest/docs/iam.html). moto decides by a signature, which requests to a registry do not
have, and leaves out much of what policies can say: the texts are moto's, their meaning is that of `policies`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto import settings
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import AssumedRoleAccessKey, IAMRequest, IAMUserAccessKey
from moto.iam.exceptions import NoSuchEntity, NotFoundException
from moto.iam.models import Policy

from moto_ecr_ext.exceptions.common import UnrecognizedClientException


class SignedRequest(IAMRequest):
    """What moto checks of a signed request: that the access key is known, and the signature right."""

    def check_action_permitted(self, resource: str) -> None:
        """Nothing: permission is decided elsewhere, for both protocols alike."""


def is_enforced() -> bool:
    """Whether IAM is enforced for a request that has no signature. It counts as one where it is not, as moto does."""
    if ActionAuthenticatorMixin.request_count >= settings.INITIAL_NO_AUTH_ACTION_COUNT:
        return True
    ActionAuthenticatorMixin.request_count += 1
    return False


def identity_policies(principal: str) -> Iterator[str]:
    """Yield the texts of the policies of a user and its groups, or of the role of a session.

    Raises UnrecognizedClientException for any other principal: an account as a whole, a user that was deleted.
    """
    partition, _, _, account_id, name = principal.split(":", 5)[1:]
    kind, *names = name.split("/")
    try:
        if kind == "user":
            policies: list[Any] = _User(account_id, partition, names[-1]).collect_policies()
        elif kind == "assumed-role":
            policies = _Session(account_id, partition, names[0]).collect_policies()
        else:
            raise UnrecognizedClientException
    except (NoSuchEntity, NotFoundException):
        raise UnrecognizedClientException from None
    for policy in policies:
        if isinstance(policy, Policy):
            yield next(each.document for each in policy.versions if each.is_default)
        else:
            yield policy if isinstance(policy, str) else policy["policy_document"]


class _User(IAMUserAccessKey):
    """A user by its name, where moto has one by its key."""

    def __init__(self, account_id: str, partition: str, name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_user_name = name


class _Session(AssumedRoleAccessKey):
    """A session by the name of its role, where moto has one by its key."""

    def __init__(self, account_id: str, partition: str, role_name: str):
        self.account_id = account_id
        self.partition = partition
        self._owner_role_name = role_name
